/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The places along a path where it can come to mean another file.
 *
 * A watcher that follows symbolic links must watch every directory in which a component of the path
 * stands, and those of the links' targets: Kubernetes swaps `..data`, deployments swap `current`.
 */
#include <limits.h>

#include "base/compiler.h"
#include "base/status.h"

#define PATH_WALK_LINKS_MAX 40 /* symbolic links along one path; the kernel's own bound */

/**
 * path_walk_fn - one place: @name in @directory decides what the path means
 * @directory: absolute, without symbolic links, no slash at its end but for "/"; borrows
 * @name:      one component; borrows
 *
 * Called before the component is looked at, so a watch that begins here misses nothing.
 * Return: ST_OK to go on; anything else stops and becomes the result of path_walk()
 */
typedef enum status path_walk_fn(void *ctx, const char *directory, const char *name);

/**
 * path_walk() - follow @path as the kernel would and name each place on the way
 * @directory: where a relative @path starts: absolute, without symbolic links
 *
 * The walk ends early where a component does not exist or may not be looked at: that place has
 * been named, and a change there is the moment to walk again. Return: ST_OK; ST_LIMIT for too many
 * links or too long a path; or what @step returned.
 */
enum status path_walk(const char *directory,
                      const char *path,
                      path_walk_fn *step,
                      void *ctx) NODISCARD NONNULL(1, 2, 3);

/**
 * path_walk_to() - path_walk() for a path that must lead somewhere
 * @ret_end: where: absolute, without symbolic links
 *
 * Return: as path_walk(); ST_NOT_FOUND where a component does not exist or may not be looked at
 */
enum status path_walk_to(const char *directory,
                         const char *path,
                         path_walk_fn *step,
                         void *ctx,
                         char ret_end[static PATH_MAX]) NODISCARD NONNULL(1, 2, 3, 5);

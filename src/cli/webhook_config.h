/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/compiler.h"
#include "cli/options.h"

/** webhook_config_run() - `kube-bearer webhook-config`: print the kubeconfig and the flags with
 * which kube-apiserver asks this server. Return: the exit status */
int webhook_config_run(const struct options *options) NONNULL(1);

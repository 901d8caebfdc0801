/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Texts of the operator become typed fields of struct options, by the row's type and range. Flags,
 * configuration file and defaults all come through here. */
#include "base/compiler.h"
#include "base/span.h"
#include "base/status.h"
#include "cli/options_table.h"

/** options_init() - the defaults. Return: ST_OK; ST_NOMEM */
enum status options_init(struct options *ret_options) NODISCARD NONNULL(1);

/** options_fini() - free what it owns; all-zero afterwards and beforehand is fine */
void options_fini(struct options *options) NONNULL(1);

/**
 * option_set() - parse @text as @row's type and store it
 *
 * A list takes the comma-separated items of @text behind those it has, or one if the row keeps
 * commas; anything else is replaced.
 * The empty text empties strings, paths, lists and addresses.
 * Return: ST_OK; ST_INVALID (option_expectation() says what was expected; the field is unchanged
 * but for a list, which may have grown); ST_NOMEM
 */
enum status option_set(const struct option_row *row,
                       struct span text,
                       struct options *options) NODISCARD NONNULL(1, 3);

/** option_add_item() - append one item, commas and all, to a list. Return: as option_set() */
enum status option_add_item(const struct option_row *row,
                            struct span item,
                            struct options *options) NODISCARD NONNULL(1, 3);

/** option_clear() - free what the field owns and make it all-zero */
void option_clear(const struct option_row *row, struct options *options) NONNULL(1, 2);

/** option_is_empty() - has the field no text, item or address? Numbers and the like never are */
bool option_is_empty(const struct option_row *row, const struct options *options) NONNULL(1, 2);

/** option_move() - @to takes the field's value; @from has none afterwards */
void option_move(const struct option_row *row, struct options *from, struct options *to)
    NONNULL(1, 2, 3);

#define OPTION_EXPECTATION_MAX 192 /* bytes with NUL */

/** option_expectation() - "a whole number from 1 to 256" */
void option_expectation(const struct option_row *row, char ret_text[static OPTION_EXPECTATION_MAX]);

/** option_is_address() - is @text an IPv4 or IPv6 address, without brackets or zone? */
bool option_is_address(const char *text) NONNULL(1);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of endpoints.
 *
 * Rows are found by the part of their path that is fixed: by its length, and of those that have the
 * same length, which are few, by its bytes. Untrusted: the path that is looked up,
 * a few kilobytes of anything. Threads: made once, then read by all workers.
 */
#include "server/http/endpoint.h"

#include <stdlib.h>
#include <string.h>

enum tail { TAIL_NONE = 0, TAIL_SEGMENT, TAIL_REST };

/* A row, its path taken apart. */
struct parsed_row {
    struct span fixed;
    enum tail tail;
    const struct endpoint *endpoint;
};

/* All rows of one path. */
struct place {
    struct span fixed; /* borrows the row */
    enum tail tail;
    const struct parsed_row *rows;
    size_t row_count;
    struct buf texts; /* owns what the refusal points at */
    struct head_refusal wrong_method;
};

struct endpoint_table {
    struct parsed_row *rows; /* owns; sorted */
    struct place *places;    /* owns; sorted likewise */
    size_t place_count;
    size_t *first;  /* owns; by length of the fixed part: the first place that has it or more */
    size_t longest; /* bytes of a fixed part */
};

static int compare_fixed(struct span a, struct span b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return a.len ? memcmp(a.at, b.at, a.len) : 0;
}

static int compare_rows(const void *a, const void *b)
{
    const struct parsed_row *left = a;
    const struct parsed_row *right = b;
    const int order = compare_fixed(left->fixed, right->fixed);
    if (order) {
        return order;
    }
    if (left->tail != right->tail) {
        return left->tail < right->tail ? -1 : 1;
    }
    /* rows of an array: the first one given stays the first */
    return (left->endpoint > right->endpoint) - (left->endpoint < right->endpoint);
}

/* "/x/{name...}" to "/x" and what follows. */
static bool parse_path(const char *path, struct parsed_row *ret_row)
{
    const char *brace = strchr(path, '{');
    if (path[0] != '/') {
        return false;
    }
    if (!brace) {
        ret_row->fixed = span_of(path);
        ret_row->tail = TAIL_NONE;
        return strchr(path, '}') == NULL;
    }
    const size_t len = strlen(brace);
    if (brace[-1] != '/' || len < 3 || strcspn(brace, "}") != len - 1 || strchr(brace, '/')) {
        return false;
    }
    const bool is_rest = len > 5 && memcmp(brace + len - 4, "...", 3) == 0;
    ret_row->fixed = (struct span){ .at = path, .len = (size_t)(brace - 1 - path) };
    ret_row->tail = is_rest ? TAIL_REST : TAIL_SEGMENT;
    return true;
}

static bool is_same_place(const struct parsed_row *a, const struct parsed_row *b)
{
    return compare_fixed(a->fixed, b->fixed) == 0 && a->tail == b->tail;
}

/* Two texts in one buffer, each with its NUL: what is allowed, and the sentence about it. */
static bool describe_methods(struct place *place, unsigned methods)
{
    const char *expects = place->rows[0].endpoint->expects;
    method_list(&place->texts, methods, ", ");
    buf_append_char(&place->texts, '\0');
    const size_t text_at = place->texts.len;
    buf_append_text(&place->texts, "expected ");
    if (expects) {
        buf_append_text(&place->texts, expects);
    } else {
        method_list(&place->texts, methods, " or ");
    }
    buf_append_char(&place->texts, '\0');
    if (place->texts.failed) {
        return false;
    }
    place->wrong_method = (struct head_refusal){ .code = 405,
                                                 .text = place->texts.at + text_at,
                                                 .allow = place->texts.at };
    return true;
}

static enum status make_place(const struct parsed_row *rows, size_t count, struct place *ret_place)
{
    unsigned methods = 0;
    *ret_place = (struct place){
        .fixed = rows[0].fixed, .tail = rows[0].tail, .rows = rows, .row_count = count
    };
    for (size_t i = 0; i < count; i++) {
        if (methods & rows[i].endpoint->methods) {
            return ST_INVALID;
        }
        methods |= rows[i].endpoint->methods;
    }
    return describe_methods(ret_place, methods) ? ST_OK : ST_NOMEM;
}

static enum status make_places(struct endpoint_table *table, size_t row_count)
{
    enum status status = ST_OK;
    for (size_t from = 0, to = 0; from < row_count && status == ST_OK; from = to) {
        while (to < row_count && is_same_place(&table->rows[from], &table->rows[to])) {
            to++;
        }
        status = make_place(&table->rows[from], to - from, &table->places[table->place_count++]);
        table->longest = table->rows[from].fixed.len; /* they are sorted by that */
    }
    return status;
}

static bool index_places(struct endpoint_table *table)
{
    table->first = calloc(table->longest + 2, sizeof(*table->first));
    if (!table->first) {
        return false;
    }
    for (size_t len = 0, i = 0; len <= table->longest + 1; len++) {
        while (i < table->place_count && table->places[i].fixed.len < len) {
            i++;
        }
        table->first[len] = i;
    }
    return true;
}

enum status endpoint_table_new(const struct endpoint *rows,
                               size_t count,
                               struct endpoint_table **ret_table)
{
    struct endpoint_table *table = calloc(1, sizeof(*table));
    if (!table) {
        return ST_NOMEM;
    }
    table->rows = calloc(count + 1, sizeof(*table->rows)); /* none at all is a table, too */
    table->places = calloc(count + 1, sizeof(*table->places));
    enum status status = table->rows && table->places ? ST_OK : ST_NOMEM;
    for (size_t i = 0; i < count && status == ST_OK; i++) {
        table->rows[i].endpoint = &rows[i];
        if (!rows[i].handle || !rows[i].methods || !parse_path(rows[i].path, &table->rows[i])) {
            status = ST_INVALID;
        }
    }
    if (status == ST_OK) {
        qsort(table->rows, count, sizeof(*table->rows), compare_rows);
        status = make_places(table, count);
    }
    if (status == ST_OK && !index_places(table)) {
        status = ST_NOMEM;
    }
    if (status != ST_OK) {
        (void)endpoint_table_free(table);
        return status;
    }
    *ret_table = table;
    return ST_OK;
}

struct endpoint_table *endpoint_table_free(struct endpoint_table *table)
{
    if (table) {
        for (size_t i = 0; i < table->place_count; i++) {
            buf_fini(&table->places[i].texts);
        }
        free(table->first);
        free(table->places);
        free(table->rows);
        free(table);
    }
    return NULL;
}

/* The place of @fixed with one of two tails. */
static const struct place *find_place(const struct endpoint_table *table,
                                      struct span fixed,
                                      enum tail one,
                                      enum tail other)
{
    if (fixed.len > table->longest) {
        return NULL;
    }
    const struct place *end = &table->places[table->first[fixed.len + 1]];
    for (const struct place *place = &table->places[table->first[fixed.len]]; place < end;
         place++) {
        if ((place->tail == one || place->tail == other) && span_equal(place->fixed, fixed)) {
            return place;
        }
    }
    return NULL;
}

static const struct place *find_parameter(const struct endpoint_table *table,
                                          struct span path,
                                          struct span *ret_parameter)
{
    bool is_last_segment = true;
    for (size_t i = path.len; i-- > 0;) {
        if (path.at[i] != '/') {
            continue;
        }
        const bool is_segment = is_last_segment && i + 1 < path.len;
        const struct place *place = find_place(table, (struct span){ .at = path.at, .len = i },
                                               is_segment ? TAIL_SEGMENT : TAIL_REST, TAIL_REST);
        if (place) {
            *ret_parameter = span_after(path, i + 1);
            return place;
        }
        is_last_segment = false;
    }
    return NULL;
}

struct endpoint_match endpoint_find(const struct endpoint_table *table,
                                    struct span path,
                                    enum method method)
{
    static const struct head_refusal no_path = {
        .code = 404, .text = "the server could not find the requested resource"
    };
    struct endpoint_match match = { .refusal = &no_path };
    const struct place *place = find_place(table, path, TAIL_NONE, TAIL_REST);
    if (!place) {
        place = find_parameter(table, path, &match.parameter);
    }
    if (!place) {
        return match;
    }
    match.refusal = &place->wrong_method;
    for (size_t i = 0; i < place->row_count; i++) {
        if (place->rows[i].endpoint->methods & (unsigned)method) {
            match.endpoint = place->rows[i].endpoint;
            match.refusal = NULL;
        }
    }
    return match;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of keys: made anew whenever a source has other keys, then exchanged as a whole.
 *
 * Threat: a token of one cluster taken for one of another, which has a user of the same name. So a
 * key of an issuer stands in one source, and what was verified is bound to a generation that no
 * other key, source or issuer ever gets. Threat: a key that was taken back. Its generation leaves
 * with its page, also when memory is short.
 *
 * Trusted: the sets, as far as they say whose keys they are; they may hold the same key ID twice.
 */
#include "authn/jwt/key_book.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <urcu/urcu-bp.h>

_Static_assert(SERVICE_ACCOUNT_SOURCES_MAX <= 32, "a bit each");

struct key_page {
    struct key_issuer *issuers; /* owns; sorted by name */
    size_t issuer_count;
    struct key_entry *entries; /* owns, and a reference of each key; by issuer */
    size_t entry_count;
    const struct key_entry **by_generation; /* owns; entry_count of them */
    /* sources, a bit each, whose keys were taken back while there was no memory for another page */
    _Atomic uint32_t muted;
};

struct key_book {
    struct key_book_options options;
    struct span *issuer_names; /* owns; sorted, unique; the texts borrow the options */
    size_t issuer_count;
    struct key_set *sets[SERVICE_ACCOUNT_SOURCES_MAX]; /* owns a reference; NULL: none */
    uint64_t last_generation;
    struct key_page *_Atomic page_rcu;
};

/* ------------------------------------------------------------------ sources */

static bool is_legacy_issuer(struct span name)
{
    return span_equal(name, SPAN_LITERAL(SERVICE_ACCOUNT_LEGACY_ISSUER));
}

static bool answers_for(const struct service_account_source *source, struct span issuer)
{
    if (is_legacy_issuer(issuer)) {
        return source->legacy != SERVICE_ACCOUNT_LEGACY_REFUSED;
    }
    for (size_t i = 0; i < source->issuer_count; i++) {
        if (span_equal(source->issuers[i], issuer)) {
            return true;
        }
    }
    return false;
}

/* Who serves a key that several have: the lowest. */
static unsigned rank_of(const struct service_account_source *source)
{
    if (source->is_this_cluster) {
        return 0;
    }
    return source->keys == SERVICE_ACCOUNT_KEYS_FILES ? 1 : 2;
}

static int by_name(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static enum status collect_issuers(struct key_book *book)
{
    size_t room = 1;
    for (size_t i = 0; i < book->options.source_count; i++) {
        room += book->options.sources[i].issuer_count;
    }
    struct span *names = calloc(room, sizeof(*names));
    if (!names) {
        return ST_NOMEM;
    }
    size_t count = 0;
    bool has_legacy = false;
    for (size_t i = 0; i < book->options.source_count; i++) {
        const struct service_account_source *source = &book->options.sources[i];
        has_legacy = has_legacy || source->legacy != SERVICE_ACCOUNT_LEGACY_REFUSED;
        for (size_t k = 0; k < source->issuer_count; k++) {
            names[count++] = source->issuers[k];
        }
    }
    if (has_legacy) {
        names[count++] = SPAN_LITERAL(SERVICE_ACCOUNT_LEGACY_ISSUER);
    }
    if (count > 1) {
        qsort(names, count, sizeof(*names), by_name);
    }
    size_t unique = 0;
    for (size_t i = 0; i < count; i++) {
        if (unique == 0 || !span_equal(names[unique - 1], names[i])) {
            names[unique++] = names[i];
        }
    }
    book->issuer_names = names;
    book->issuer_count = unique;
    return ST_OK;
}

/* ------------------------------------------------------------------ pages */

static struct key_page *page_free(struct key_page *page)
{
    if (page) {
        for (size_t i = 0; i < page->entry_count; i++) {
            (void)jose_key_unref((struct jose_key *)page->entries[i].key); /* a reference of ours */
        }
        free(page->issuers);
        free(page->entries);
        free(page->by_generation);
        free(page);
    }
    return NULL;
}

static struct key_page *page_new(const struct key_book *book, size_t room)
{
    struct key_page *page = calloc(1, sizeof(*page));
    if (!page) {
        return NULL;
    }
    page->issuers = calloc(book->issuer_count + 1, sizeof(*page->issuers));
    page->entries = calloc(room + 1, sizeof(*page->entries));
    page->by_generation = calloc(room + 1, sizeof(*page->by_generation));
    if (!page->issuers || !page->entries || !page->by_generation) {
        return page_free(page);
    }
    page->issuer_count = book->issuer_count;
    for (size_t i = 0; i < book->issuer_count; i++) {
        struct key_issuer *issuer = &page->issuers[i];
        *issuer = (struct key_issuer){ .name = book->issuer_names[i],
                                       .is_legacy = is_legacy_issuer(book->issuer_names[i]) };
        for (unsigned source = 0; source < book->options.source_count; source++) {
            const struct service_account_source *at = &book->options.sources[source];
            if (!answers_for(at, issuer->name)) {
                continue;
            }
            issuer->sources |= UINT32_C(1) << source;
            if (at->keys != SERVICE_ACCOUNT_KEYS_FILES) {
                issuer->fetched_sources |= UINT32_C(1) << source;
            }
            if (!book->sets[source]) {
                issuer->silent_sources |= UINT32_C(1) << source;
            }
        }
    }
    return page;
}

static uint64_t generation_of(struct key_book *book,
                              const struct key_issuer *before,
                              const struct jose_key *key,
                              unsigned source)
{
    for (size_t i = 0; before && i < before->key_count; i++) {
        const struct key_entry *entry = &before->keys[i];
        if (entry->source == source && jose_key_is_same(entry->key, key)) {
            return entry->generation;
        }
    }
    return ++book->last_generation;
}

/* Of the entries from @first on: the one of another source with this key. */
static const struct key_entry *find_other(const struct key_page *page,
                                          size_t first,
                                          const struct jose_key *key,
                                          unsigned source)
{
    for (size_t i = first; i < page->entry_count; i++) {
        const struct key_entry *entry = &page->entries[i];
        if (entry->source != source &&
            jose_thumbprint_equal(jose_key_thumbprint(entry->key), jose_key_thumbprint(key))) {
            return entry;
        }
    }
    return NULL;
}

static const char *name_of(const struct service_account_source *source)
{
    return source->is_this_cluster ? "this cluster" : source->name.at;
}

static void set_doubled(const struct key_book *book,
                        struct span issuer,
                        unsigned server,
                        unsigned other,
                        struct problem *ret_problem)
{
    const struct service_account_source *sources = book->options.sources;
    problem_set(ret_problem, ST_DUPLICATE, 0, 0,
                "%s and %s have the same key for the issuer %.*s; what it signs counts as of %s",
                name_of(&sources[server]), name_of(&sources[other]),
                (int)(issuer.len < 100 ? issuer.len : 100), issuer.at, name_of(&sources[server]));
}

static bool has_key(const struct key_set *set, const struct jose_key *key)
{
    for (size_t i = 0; set && i < key_set_count(set); i++) {
        if (jose_thumbprint_equal(jose_key_thumbprint(key_set_at(set, i)),
                                  jose_key_thumbprint(key))) {
            return true;
        }
    }
    return false;
}

/* @put: the source that has a new set; @before: its old one, of which everything has been told. */
static void tell_doubled(const struct key_book *book,
                         struct span issuer,
                         const struct key_entry *server,
                         unsigned other,
                         unsigned put,
                         const struct key_set *before)
{
    const bool is_news = (server->source == put || other == put) && !has_key(before, server->key);
    if (is_news && book->options.on_problem) {
        struct problem problem = { 0 };
        set_doubled(book, issuer, server->source, other, &problem);
        book->options.on_problem(book->options.ctx, &problem);
    }
}

static int by_generation(const void *a, const void *b)
{
    const struct key_entry *const *left = a;
    const struct key_entry *const *right = b;
    return ((*left)->generation > (*right)->generation) -
           ((*left)->generation < (*right)->generation);
}

static void fill_issuer(struct key_book *book,
                        struct key_page *page,
                        size_t number,
                        unsigned put,
                        const struct key_set *before)
{
    struct key_issuer *issuer = &page->issuers[number];
    const struct key_issuer *old =
        key_page_issuer(atomic_load_explicit(&book->page_rcu, memory_order_acquire), issuer->name);
    const size_t first = page->entry_count;
    for (unsigned rank = 0; rank <= 2; rank++) {
        for (unsigned source = 0; source < book->options.source_count; source++) {
            const struct service_account_source *at = &book->options.sources[source];
            const struct key_set *set = book->sets[source];
            if (rank_of(at) != rank || !set || !answers_for(at, issuer->name)) {
                continue;
            }
            for (size_t i = 0; i < key_set_count(set); i++) {
                struct jose_key *key = key_set_at(set, i);
                const struct key_entry *server = find_other(page, first, key, source);
                if (server) {
                    tell_doubled(book, issuer->name, server, source, put, before);
                    continue;
                }
                page->entries[page->entry_count++] =
                    (struct key_entry){ .key = jose_key_ref(key),
                                        .generation = generation_of(book, old, key, source),
                                        .source = source };
            }
        }
    }
    issuer->keys = &page->entries[first];
    issuer->key_count = page->entry_count - first;
}

static struct key_page *make_page(struct key_book *book, unsigned put, const struct key_set *before)
{
    size_t room = 0;
    for (size_t i = 0; i < book->options.source_count; i++) {
        const size_t issuers = book->options.sources[i].issuer_count + 1; /* the legacy one */
        room += book->sets[i] ? issuers * key_set_count(book->sets[i]) : 0;
    }
    struct key_page *page = page_new(book, room);
    if (!page) {
        return NULL;
    }
    for (size_t i = 0; i < page->issuer_count; i++) {
        fill_issuer(book, page, i, put, before);
    }
    for (size_t i = 0; i < page->entry_count; i++) {
        page->by_generation[i] = &page->entries[i];
    }
    if (page->entry_count > 1) {
        qsort(page->by_generation, page->entry_count, sizeof(struct key_entry *), by_generation);
    }
    return page;
}

/* ------------------------------------------------------------------ the book */

enum status key_book_new(const struct key_book_options *options, struct key_book **ret_book)
{
    struct key_book *book = calloc(1, sizeof(*book));
    if (!book) {
        return ST_NOMEM;
    }
    book->options = *options;
    enum status status = collect_issuers(book);
    if (status == ST_OK) {
        atomic_init(&book->page_rcu, page_new(book, 0));
        status = key_book_page(book) ? ST_OK : ST_NOMEM;
    }
    if (status != ST_OK) {
        (void)key_book_free(book);
        return status;
    }
    *ret_book = book;
    return ST_OK;
}

struct key_book *key_book_free(struct key_book *book)
{
    if (book) {
        for (size_t i = 0; i < SERVICE_ACCOUNT_SOURCES_MAX; i++) {
            (void)key_set_unref(book->sets[i]);
        }
        (void)page_free(atomic_load_explicit(&book->page_rcu, memory_order_acquire));
        free(book->issuer_names);
        free(book);
    }
    return NULL;
}

enum status key_book_put(struct key_book *book, unsigned source, struct key_set *set)
{
    struct key_set *before = book->sets[source];
    book->sets[source] = set ? key_set_ref(set) : NULL;
    struct key_page *page = make_page(book, source, before);
    (void)key_set_unref(before);
    if (!page) {
        struct key_page *old = atomic_load_explicit(&book->page_rcu, memory_order_acquire);
        atomic_fetch_or_explicit(&old->muted, UINT32_C(1) << source, memory_order_release);
        book->sets[source] = key_set_unref(book->sets[source]);
        urcu_bp_synchronize_rcu();
        return ST_NOMEM;
    }
    struct key_page *old = atomic_exchange_explicit(&book->page_rcu, page, memory_order_acq_rel);
    urcu_bp_synchronize_rcu();
    (void)page_free(old);
    return ST_OK;
}

static bool share_an_issuer(const struct key_book *book, unsigned a, unsigned b)
{
    for (size_t i = 0; i < book->issuer_count; i++) {
        if (answers_for(&book->options.sources[a], book->issuer_names[i]) &&
            answers_for(&book->options.sources[b], book->issuer_names[i])) {
            return true;
        }
    }
    return false;
}

static bool share_a_key(const struct key_book *book, unsigned a, unsigned b)
{
    const struct key_set *set = book->sets[a];
    for (size_t i = 0; set && i < key_set_count(set); i++) {
        if (has_key(book->sets[b], key_set_at(set, i))) {
            return true;
        }
    }
    return false;
}

bool key_book_find_doubled(const struct key_book *book, struct problem *reterr_problem)
{
    const struct service_account_source *sources = book->options.sources;
    for (unsigned a = 0; a < book->options.source_count; a++) {
        for (unsigned b = a + 1; b < book->options.source_count; b++) {
            if (sources[a].keys == SERVICE_ACCOUNT_KEYS_FILES &&
                sources[b].keys == SERVICE_ACCOUNT_KEYS_FILES && share_an_issuer(book, a, b) &&
                share_a_key(book, a, b)) {
                problem_set(reterr_problem, ST_DUPLICATE, 0, 0,
                            "the key files of %s and of %s hold the same key, for the same issuer; "
                            "expected keys of which one cluster only has the private half",
                            name_of(&sources[a]), name_of(&sources[b]));
                return true;
            }
        }
    }
    return false;
}

const struct key_page *key_book_page(const struct key_book *book)
{
    return atomic_load_explicit(&book->page_rcu, memory_order_acquire);
}

const struct key_issuer *key_page_issuer(const struct key_page *page, struct span name)
{
    size_t low = 0;
    size_t high = page->issuer_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = span_compare(page->issuers[middle].name, name);
        if (order == 0) {
            return &page->issuers[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static bool is_muted(const struct key_page *page, const struct key_entry *entry)
{
    const uint32_t muted = atomic_load_explicit(&page->muted, memory_order_acquire);
    return (muted >> entry->source & 1) != 0;
}

const struct key_entry *key_page_next(const struct key_page *page,
                                      const struct key_issuer *issuer,
                                      struct span kid,
                                      size_t *i)
{
    while (*i < issuer->key_count) {
        const struct key_entry *entry = &issuer->keys[(*i)++];
        const bool is_meant = kid.len == 0 || span_equal(kid, jose_key_id(entry->key));
        if (is_meant && !is_muted(page, entry)) {
            return entry;
        }
    }
    return NULL;
}

uint32_t key_page_silent(const struct key_page *page, const struct key_issuer *issuer)
{
    const uint32_t muted = atomic_load_explicit(&page->muted, memory_order_acquire);
    return issuer->silent_sources | (muted & issuer->sources);
}

const struct key_entry *key_page_serving(const struct key_page *page, uint64_t generation)
{
    size_t low = 0;
    size_t high = page->entry_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct key_entry *entry = page->by_generation[middle];
        if (entry->generation == generation) {
            return is_muted(page, entry) ? NULL : entry;
        }
        if (entry->generation < generation) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

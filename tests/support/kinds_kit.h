/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Objects of other kinds than Secrets, and what a listener is told of them.
 *
 * Events make one text: "+Kind namespace/name " for added, "~" for modified, "-" for deleted, "S "
 * for synced; of what is in no namespace "+Kind name ". Behind it "=x" where the label `value` is
 * x, and "{y}" where JSON was told, with data.value or spec.value y; "?" when it was refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "document/edit.h"
#include "store/store.h"

static const struct object_kind kind_widget = {
    .group = "example.com",
    .version = "v1",
    .name = "Widget",
    .plural = "widgets",
    .is_cluster_scoped = true,
};

static const struct store_interest all_service_accounts = {
    .kind = &kind_service_account,
    .is_metadata_only = true,
};
static const struct store_interest all_config_maps = {
    .kind = &kind_config_map,
    .wants_json = true,
};
static const struct store_interest all_widgets = { .kind = &kind_widget, .wants_json = true };

static inline void kinds_append_json(struct buf *events, const json_object *json)
{
    const char *const places[] = { "data", "spec" };
    buf_append_char(events, '{');
    for (size_t i = 0; i < COUNTOF(places); i++) {
        const json_object *place = json_object_object_get(json, places[i]);
        buf_append(events, document_text(json_object_object_get(place, "value")));
    }
    buf_append_char(events, '}');
}

/* @ctx: a struct buf */
static inline void kinds_on_event(void *ctx, const struct store_event *event)
{
    struct buf *events = ctx;
    struct span value = { 0 };
    if (event->type == STORE_SYNCED) {
        buf_append_text(events, "S ");
        return;
    }
    assert_int_equal(event->meta == NULL, event->type == STORE_DELETED);
    buf_printf(events, "%c%s ", "+~-"[event->type], event -> kind -> name);
    buf_append(events, event->namespace);
    buf_append_text(events, event->kind->is_cluster_scoped ? "" : "/");
    buf_append(events, event->name);
    if (event->meta) {
        assert_true(span_equal(event->meta->name, event->name));
        assert_true(span_equal(event->meta->namespace, event->namespace));
        if (object_label_find(event->meta->labels, event->meta->label_count, "value", &value)) {
            buf_append_char(events, '=');
            buf_append(events, value);
        }
        buf_append_text(events, event->meta->is_refused ? "?" : "");
    }
    if (event->json) {
        kinds_append_json(events, event->json);
    }
    buf_append_char(events, ' ');
}

static inline void kinds_subscribe(struct store *store, struct buf *events)
{
    const struct store_interest *const interests[] = { &all_service_accounts, &all_config_maps,
                                                       &all_widgets };
    for (size_t i = 0; i < COUNTOF(interests); i++) {
        assert_int_equal(store_subscribe(store, interests[i], kinds_on_event, events), ST_OK);
    }
}

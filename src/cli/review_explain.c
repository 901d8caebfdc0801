/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listing of `review -o explain`.
 *
 * The engine tells each check as it makes it; this only writes them down. Details and names come
 * from Secrets and requests, so they are escaped for the terminal; the engine never tells a secret.
 * One thread.
 */
#include "cli/review_explain.h"

void review_explain_printable(struct buf *buf, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        if (c >= 0x20 && c < 0x7f && c != '\\') {
            buf_append_char(buf, (char)c);
        } else {
            buf_printf(buf, "\\x%02x", c);
        }
    }
}

void review_explain_check(void *ctx,
                          enum authenticator_id authenticator,
                          const char *check,
                          bool passed,
                          const char *detail)
{
    struct review_explain *explain = ctx;
    if (!explain->is_titled || explain->authenticator != authenticator) {
        buf_printf(explain->buf, "%s:\n",
                   authenticator == AUTHENTICATOR_NONE ? "any token"
                                                       : authenticator_label(authenticator));
        explain->is_titled = true;
        explain->authenticator = authenticator;
    }
    buf_printf(explain->buf, "  %-6s  %s", passed ? "ok" : "FAILED", check);
    if (detail[0]) {
        buf_append_text(explain->buf, " (");
        review_explain_printable(explain->buf, span_of(detail));
        buf_append_char(explain->buf, ')');
    }
    buf_append_char(explain->buf, '\n');
}

static void append_names(struct buf *buf, const char *title, const struct span *names, size_t count)
{
    buf_append_text(buf, title);
    for (size_t i = 0; i < count; i++) {
        buf_append_text(buf, i ? ", " : "");
        review_explain_printable(buf, names[i]);
    }
    buf_append_char(buf, '\n');
}

static void explain_user(struct buf *buf, const struct user *user)
{
    append_names(buf, "user: ", &user->name, 1);
    if (user->uid.len > 0) {
        append_names(buf, "uid: ", &user->uid, 1);
    }
    append_names(buf, "groups: ", user->groups->names, user->groups->count);
    for (size_t i = 0; i < user->extra_count; i++) {
        buf_append_text(buf, "extra ");
        review_explain_printable(buf, user->extras[i].key);
        append_names(buf, ": ", user->extras[i].values, user->extras[i].value_count);
    }
}

static void explain_allow(struct buf *buf,
                          const struct decision *decision,
                          const struct question *question)
{
    explain_user(buf, &decision->user);
    struct span granted[QUESTION_MAX_AUDIENCES];
    size_t count = 0;
    for (size_t i = 0; i < question->audience_count; i++) {
        if (audience_set_has(&decision->granted, i)) {
            granted[count++] = question->audiences[i];
        }
    }
    if (count > 0) {
        append_names(buf, "audiences: ", granted, count);
    }
    buf_append_text(buf, "answer: yes\n");
}

void review_explain_decision(struct review_explain *explain,
                             const struct decision *decision,
                             const struct question *question)
{
    buf_append_char(explain->buf, '\n');
    switch (decision->result) {
    case DECISION_ALLOW:
        explain_allow(explain->buf, decision, question);
        return;
    case DECISION_ERROR:
        append_names(explain->buf, "status.error: ", &decision->error, 1);
        buf_append_text(explain->buf, "answer: not known (not cacheable)");
        break;
    case DECISION_DENY:
    case DECISION_RESULT_COUNT_:
        buf_append_text(explain->buf, "answer: no (cacheable)");
        break;
    }
    buf_printf(explain->buf, ": %s: %s\n", status_label(decision->why), decision->reason_text);
}

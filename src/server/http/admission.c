/* SPDX-License-Identifier: Apache-2.0 */
/* Judging requests by their heads. Untrusted: the head. Threads: any; nothing is kept. */
#include "server/http/admission.h"

static const struct head_refusal too_large = {
    .code = 413, .text = "the request body is larger than --max-request-body-bytes"
};

const struct head_refusal *admission_too_large(void)
{
    return &too_large;
}

bool admission_needs_certificate(enum endpoint_client listener, const struct endpoint *endpoint)
{
    return listener == ENDPOINT_CLIENT_CERTIFICATE ||
           endpoint->client == ENDPOINT_CLIENT_CERTIFICATE;
}

bool admission_has_body(const struct request_head *head)
{
    return head->content_length > 0 || head->codings > 0;
}

bool admission_keeps_body(const struct endpoint *endpoint, enum method method)
{
    return endpoint && endpoint->moment == ENDPOINT_WITH_BODY && (method & METHODS_WITH_BODY) != 0;
}

const struct head_refusal *admission_judge(const struct admission *admission)
{
    static const struct head_refusal no_chunks = { .code = 400,
                                                   .text = "no chunked body is taken here" };
    const struct request_head *head = admission->head;
    const struct head_refusal *refusal = request_head_judge(head, admission->version);
    if (refusal) {
        return refusal;
    }
    if (admission->endpoint && admission->endpoint->moment == ENDPOINT_AT_HEAD) {
        /* its body is not read, however long and in whatever form */
        return admission_has_body(head) ? admission->refusal : NULL;
    }
    if (head->content_length > admission->max_body_bytes) {
        return &too_large;
    }
    if (head->codings && !admission_keeps_body(admission->endpoint, admission->method)) {
        return admission->refusal ? admission->refusal : &no_chunks;
    }
    return NULL;
}

bool admission_answers_now(const struct admission *admission)
{
    return admission->endpoint && admission->endpoint->moment == ENDPOINT_AT_HEAD &&
           !admission->refusal && admission_has_body(admission->head);
}

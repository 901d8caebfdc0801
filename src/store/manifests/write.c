/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Create, get, update, patch, delete and adopt in a directory of manifests.
 *
 * Files stay the one truth: a write changes a file, a turn reads it like anybody else's change and
 * tells the listeners, and only then the writer hears of it. So what a writer was told to be done,
 * listeners know; and a crash at any moment leaves files that say what was or what is.
 *
 * Writes wait in a queue and run one by one, each after a turn, so that it sees what others have
 * done to the directory. Each reads the file again and goes on only if that is what the index was
 * made of; the new text is decoded, and compared with what it should hold, before it replaces the
 * old (io/file/replace). An editor who saves at the same moment wins, and the writer is told of
 * the conflict.
 *
 * Where: a new object gets a file of its own. One that stands with others is changed among them
 * (store/manifests/edit.c). One that several files hold is changed in the file that counts, and
 * deleted from all of them, from the last path to the first: were it deleted from the winner only,
 * the next would take over, and a revoked token would be back. Broken off in the middle, the winner
 * is still there, and so nothing has happened yet.
 *
 * What comes through a symbolic link is somebody else's to change: a volume that Kubernetes has
 * mounted would be replaced in a second, or its link torn.
 *
 * Nothing runs before everything has been read for the first time: whether an object exists is not
 * known until then.
 *
 * fsync() blocks the loop, for milliseconds on most disks; workers do not wait for it.
 *
 * Untrusted: objects and patches, bounded by kube/secret and DOCUMENT_MAX_DEPTH. Copies and texts
 * are wiped. Threads: the loop's.
 */
#include "store/manifests/write.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "document/edit.h"
#include "document/write.h"
#include "io/file/replace.h"
#include "kube/secret.h"
#include "store/manifests/decode.h"
#include "store/manifests/digest.h"
#include "store/manifests/edit.h"
#include "store/manifests/index.h"
#include "store/manifests/nodes.h"
#include "store/manifests/queue.h"
#include "store/manifests/report.h"
#include "store/manifests/rules.h"
#include "store/manifests/turn.h"
#include "store/manifests/wake.h"

#define DATA_LINK "..data" /* what a volume's files are links through */

struct write_job {
    struct cds_list_head queue;
    enum store_verb verb;
    json_object *object; /* owns; a copy: the object or the patch; then the result */
    bool is_too_deep;    /* it could not be copied */
    struct store_target target;
    char *target_text; /* owns; what the target's spans borrow */
    store_done_fn *done;
    void *ctx;
    enum status status;
    struct problem problem;
};

/* One object's file, as it stands. */
struct holder {
    struct node *file; /* borrows until the next turn */
    struct content_digest content;
    struct file_content text; /* owns */
    json_object *object;      /* owns; complete, with its resourceVersion */
};

static enum status refuse(struct write_job *job, enum status status, const char *what)
{
    problem_set(&job->problem, status, 0, 0, "%s", what);
    return status;
}

static enum status set_version(json_object *object, const struct content_digest *content)
{
    char version[RESOURCE_VERSION_MAX];
    content_digest_format(content, version);
    return document_set_text(json_object_object_get(object, "metadata"), "resourceVersion",
                             span_of(version));
}

/* --- the file that holds an object --- */

static void holder_fini(struct holder *holder)
{
    file_content_fini(&holder->text);
    (void)json_object_put(holder->object);
    *holder = (struct holder){ 0 };
}

/* As it was when the index was made of it, or not at all. */
static enum status read_file(struct manifests *manifests,
                             struct write_job *job,
                             struct node *file,
                             struct file_content *ret_text)
{
    char path[PATH_MAX];
    struct file_stamp stamp;
    const struct file_read_options options = {
        .max_bytes = manifests->limits.file_bytes,
        .occasion = FILE_FOUND,
        .now = clock_now(&manifests->clock),
        .seen = &file->stamp,
    };
    report_file(manifests, file, job->problem.file);
    if (file->problem_hash != 0 || file->refused_count > 0) {
        return refuse(job, ST_IO, "the file has an error, and is not written before it is mended");
    }
    if (!file->is_stamp_loaded || file->is_unsettled) {
        return refuse(job, ST_CONFLICT, "somebody else is writing the file");
    }
    if (!nodes_path(manifests, file, path)) {
        return refuse(job, ST_IO, "its path is too long");
    }
    const enum status status = file_read(path, &options, ret_text, &stamp, &job->problem);
    if (status == ST_OK && file_stamp_equal(&stamp, &file->stamp)) {
        return ST_OK;
    }
    file_content_fini(ret_text);
    if (status == ST_NOMEM || status == ST_IO) {
        return status;
    }
    queue_nominate(&manifests->queues, file, FILE_FOUND); /* where no event has told of it */
    return refuse(job, ST_CONFLICT, "somebody else has changed the file meanwhile");
}

static enum status read_object(struct write_job *job, struct holder *holder)
{
    const struct span text = { .at = holder->text.at, .len = holder->text.len };
    enum status status = manifest_find(text, &job->target, &holder->object, &job->problem);
    if (status == ST_OK) {
        status = rules_complete(job->target.kind, holder->object);
    }
    return status == ST_OK ? set_version(holder->object, &holder->content) : status;
}

/* A file that could not be read may have been so for want of memory, and can be now. */
static bool find_file(struct manifests *manifests,
                      const struct write_job *job,
                      struct holder *holder)
{
    if (!index_find(manifests, &job->target, &holder->file, &holder->content)) {
        return false;
    }
    if (holder->file->problem_hash == 0) {
        return true;
    }
    queue_nominate(&manifests->queues, holder->file, FILE_FOUND);
    turn_follow(manifests);
    return index_find(manifests, &job->target, &holder->file, &holder->content);
}

static enum status find_holder(struct manifests *manifests,
                               struct write_job *job,
                               struct holder *ret_holder)
{
    struct holder holder = { 0 };
    if (!find_file(manifests, job, &holder)) {
        return refuse(job, ST_NOT_FOUND, "no file holds such an object");
    }
    enum status status = read_file(manifests, job, holder.file, &holder.text);
    if (status == ST_OK) {
        status = read_object(job, &holder);
    }
    if (status == ST_OK) {
        status = rules_expect(holder.object, &job->target, &job->problem);
    }
    if (status != ST_OK) {
        holder_fini(&holder);
        return status;
    }
    *ret_holder = holder;
    return ST_OK;
}

/* --- writing a file --- */

static enum status check_no_link(struct write_job *job, const struct node *file)
{
    for (const struct node *node = file; node->parent; node = node->parent) {
        if (node->is_link) {
            return refuse(job, ST_UNSUPPORTED,
                          "it comes through a symbolic link (a mounted volume?): to be changed "
                          "where that comes from");
        }
    }
    return ST_OK;
}

/* What is written must be taken again: it will belong to our own user. @directory: in which */
static enum status check_safe(const struct manifests *manifests,
                              struct write_job *job,
                              const struct node *directory)
{
    const struct trust *trust = &manifests->trust;
    if (!trust->policy.is_required) {
        return ST_OK;
    }
    if (geteuid() != 0 && geteuid() != trust->owner) {
        return refuse(job, ST_UNSUPPORTED,
                      "a file of this server's user would not be safe: expected the directory to "
                      "be its own");
    }
    for (const struct node *node = directory; node; node = node->parent) {
        if (node->is_refused) {
            return refuse(job, ST_IO,
                          "others can change the directory, and nothing is written there before "
                          "that is mended");
        }
    }
    return ST_OK;
}

/* Read what is about to be written as the next turn will. */
static enum status check_text(struct manifests *manifests,
                              struct write_job *job,
                              const struct node *file,
                              struct span text,
                              const struct content_digest *content)
{
    struct manifest_objects objects = { 0 };
    if (text.len > manifests->limits.file_bytes) {
        return refuse(job, ST_LIMIT, "the file would become too large");
    }
    const enum status status =
        manifest_decode(text, manifest_kinds_of(&manifests->base), &manifests->limits,
                        &manifests->digester, &objects, &job->problem);
    const bool is_as_expected =
        status == ST_OK && index_expects(manifests, file, &job->target, content, &objects);
    manifest_objects_fini(&objects);
    if (status == ST_NOMEM || status == ST_LIMIT) {
        return status;
    }
    return is_as_expected ? ST_OK
                          : refuse(job, ST_IO,
                                   "the file is of a form that cannot be changed safely, and was "
                                   "left as it is");
}

/* A file has been written: let the listeners know, and the writer, what it has become (@content;
 * NULL: gone). From here on nothing can undo it. @status: ST_OK, or ST_UNAVAILABLE: it may not
 * survive a crash. Return: @status; ST_UNAVAILABLE */
static enum status publish(struct manifests *manifests,
                           struct write_job *job,
                           enum status status,
                           const struct content_digest *content)
{
    turn_follow(manifests);
    if (status != ST_OK) {
        return status;
    }
    if (!index_has_told(manifests, &job->target, content)) {
        return refuse(job, ST_UNAVAILABLE, "the file was written, and could not be read again yet");
    }
    if (content && set_version(job->object, content) != ST_OK) {
        return refuse(job, ST_UNAVAILABLE,
                      "the file was written, and there is no memory to show it");
    }
    return ST_OK;
}

static bool is_written(enum status status)
{
    return status == ST_OK || status == ST_UNAVAILABLE;
}

/* Put the object of @job into the text of its file, or take it out of it (@content NULL). */
static enum status change_file(struct manifests *manifests,
                               struct write_job *job,
                               struct node *file,
                               const struct file_content *text,
                               const struct content_digest *content)
{
    char path[PATH_MAX];
    struct buf changed = { .is_secret = true };
    bool is_empty = false;
    const struct span old = { .at = text->at, .len = text->len };
    enum status status = check_no_link(job, file);
    if (status == ST_OK) {
        status = check_safe(manifests, job, file->parent);
    }
    if (status == ST_OK) {
        status = manifest_rewrite(old, &job->target, content ? job->object : NULL, &changed,
                                  &is_empty, &job->problem);
    }
    if (status == ST_OK) {
        status = check_text(manifests, job, file, buf_span(&changed), content);
    }
    if (status == ST_OK && !nodes_path(manifests, file, path)) {
        status = refuse(job, ST_IO, "its path is too long");
    }
    if (status == ST_OK) {
        status = is_empty ? file_remove(path, &file->stamp, &job->problem)
                          : file_replace(path, buf_span(&changed), &file->stamp, &job->problem);
        queue_nominate(&manifests->queues, file, is_empty ? FILE_FOUND : FILE_PUBLISHED);
    }
    buf_fini(&changed);
    return status;
}

/* --- create --- */

/* As whoever reads the file will compute it. */
static enum status digest(struct manifests *manifests,
                          struct write_job *job,
                          struct content_digest *ret_content)
{
    const struct object_kind *kind = job->target.kind;
    const struct store_kind *wanted = &manifests->base.kinds[store_kind_at(&manifests->base, kind)];
    struct secret *secret = NULL;
    struct object_meta meta = { 0 };
    enum status status = store_kind_decodes_secret(wanted)
                             ? secret_decode(job->object, &secret, &job->problem)
                             : object_meta_read(kind, job->object, &meta, &job->problem);
    if (status == ST_OK) {
        status = digester_compute(&manifests->digester, job->object, secret ? &secret->meta : &meta,
                                  secret, ret_content);
        secret = secret_free(secret);
        digester_rest(&manifests->digester);
    }
    return status;
}

/* The kind in lower case, and its group if it is not the core: "secret.", "widget_example.com_".
 * Return: its length */
static size_t name_kind(const struct object_kind *kind, char *at, size_t size)
{
    const char *const separator = kind->group[0] ? "_" : "";
    const int len = snprintf(at, size, "%s%s%s%s", kind->name, separator, kind->group,
                             kind->group[0] ? "_" : ".");
    for (char *c = at; *c; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    return len > 0 ? (size_t)len : 0;
}

/* secret.<namespace>.<name>.yaml: a namespace has no dot, and no name a "_", so no two objects have
 * one file. */
static enum status name_file(struct write_job *job, char ret_name[static NAME_MAX + 1])
{
    static const char suffix[] = ".yaml";
    const struct store_target *target = &job->target;
    const size_t kind_len = name_kind(target->kind, ret_name, NAME_MAX + 1);
    const size_t fixed_len = kind_len + !target->kind->is_cluster_scoped + sizeof(suffix) - 1;
    if (fixed_len + target->namespace.len + target->name.len <= NAME_MAX) {
        (void)snprintf(ret_name + kind_len, NAME_MAX + 1 - kind_len, "%.*s%s%.*s%s",
                       (int)target->namespace.len, target->namespace.at,
                       target->kind->is_cluster_scoped ? "" : ".", (int)target->name.len,
                       target->name.at, suffix); /* fits */
        return ST_OK;
    }
    problem_set(&job->problem, ST_LIMIT, 0, 0,
                "expected namespace and name to have at most %zu characters together: they name "
                "the file",
                NAME_MAX - fixed_len);
    return ST_LIMIT;
}

static bool is_mounted_volume(const struct manifests *manifests)
{
    char path[PATH_MAX];
    struct stat stat;
    const int len = snprintf(path, sizeof(path), "%s/%s", manifests->absolute, DATA_LINK);
    return len > 0 && (size_t)len < sizeof(path) && lstat(path, &stat) == 0 &&
           S_ISLNK(stat.st_mode);
}

static enum status check_room(struct manifests *manifests, struct write_job *job)
{
    problem_set_file(&job->problem, manifests->directory);
    if (is_mounted_volume(manifests)) {
        return refuse(job, ST_UNSUPPORTED,
                      "it is a mounted volume: to be changed where that comes from");
    }
    if (manifests->index.claim_count >= manifests->limits.objects) {
        return refuse(job, ST_LIMIT, "there are as many objects as there may be");
    }
    if (manifests->nodes.count >= manifests->limits.nodes) {
        return refuse(job, ST_LIMIT, "there are as many files as there may be");
    }
    return check_safe(manifests, job, manifests->root);
}

static enum status write_new_file(struct manifests *manifests,
                                  struct write_job *job,
                                  const char *name,
                                  const struct content_digest *content)
{
    char path[PATH_MAX];
    struct buf text = { .is_secret = true };
    const int len = snprintf(path, sizeof(path), "%s/%s", manifests->absolute, name);
    enum status status = len > 0 && (size_t)len < sizeof(path)
                             ? document_write_yaml(job->object, &text)
                             : refuse(job, ST_IO, "its path is too long");
    if (status == ST_OK) {
        status = check_text(manifests, job, NULL, buf_span(&text), content);
    }
    if (status == ST_OK) {
        status = file_replace(path, buf_span(&text), NULL, &job->problem);
        problem_set_file(&job->problem, path);
    }
    buf_fini(&text);
    return status == ST_EXISTS
               ? refuse(job, ST_CONFLICT, "a file of this name is there, and holds something else")
               : status;
}

static enum status run_create(struct manifests *manifests, struct write_job *job)
{
    char name[NAME_MAX + 1];
    struct node *file;
    struct content_digest content;
    enum status status =
        rules_create(job->target.kind, job->object, clock_now(&manifests->clock), &job->problem);
    if (status != ST_OK) {
        return status;
    }
    rules_names(job->target.kind, job->object, &job->target.namespace, &job->target.name);
    if (index_find(manifests, &job->target, &file, &content)) {
        report_file(manifests, file, job->problem.file);
        return refuse(job, ST_EXISTS, "an object of this name exists already");
    }
    status = check_room(manifests, job);
    if (status == ST_OK) {
        status = name_file(job, name);
    }
    if (status == ST_OK) {
        status = digest(manifests, job, &content);
    }
    if (status == ST_OK) {
        status = write_new_file(manifests, job, name, &content);
    }
    if (!is_written(status)) {
        return status;
    }
    file = nodes_add(manifests, manifests->root, name);
    if (file) {
        queue_nominate(&manifests->queues, file, FILE_PUBLISHED);
    }
    return publish(manifests, job, status, &content);
}

/* --- get, update, patch --- */

static enum status run_get(struct manifests *manifests, struct write_job *job)
{
    struct holder holder = { 0 };
    const enum status status = find_holder(manifests, job, &holder);
    if (status == ST_OK) {
        job->object = json_object_get(holder.object);
        holder_fini(&holder);
    }
    return status;
}

/* The object of @job becomes what @holder holds. */
static enum status replace(struct manifests *manifests,
                           struct write_job *job,
                           const struct holder *holder)
{
    struct content_digest content;
    enum status status = rules_update(job->target.kind, job->object, holder->object, &job->problem);
    if (status == ST_OK) {
        status = digest(manifests, job, &content);
    }
    if (status != ST_OK) {
        return status;
    }
    if (content_digest_equal(&content, &holder->content)) {
        return set_version(job->object, &content); /* nothing to write, as the API server has it */
    }
    status = change_file(manifests, job, holder->file, &holder->text, &content);
    return is_written(status) ? publish(manifests, job, status, &content) : status;
}

static enum status run_update(struct manifests *manifests, struct write_job *job)
{
    struct holder holder = { 0 };
    rules_names(job->target.kind, job->object, &job->target.namespace, &job->target.name);
    enum status status = job->target.name.len
                             ? find_holder(manifests, job, &holder)
                             : refuse(job, ST_INVALID, "metadata.name: expected a name");
    if (status == ST_OK) {
        status = replace(manifests, job, &holder);
    }
    holder_fini(&holder);
    return status;
}

static enum status run_patch(struct manifests *manifests, struct write_job *job)
{
    struct holder holder = { 0 };
    json_object *patched = NULL;
    enum status status = find_holder(manifests, job, &holder);
    if (status == ST_OK) {
        status = document_copy(holder.object, &patched);
    }
    if (status == ST_OK) {
        status = document_merge_patch(patched, job->object, &patched);
    }
    if (status == ST_OK) {
        (void)json_object_put(job->object);
        job->object = patched;
        status = replace(manifests, job, &holder);
    } else if (status == ST_LIMIT) {
        status = refuse(job, ST_INVALID, "the patched object is nested too deeply");
    }
    holder_fini(&holder);
    return status;
}

/* The object is written as the API server would have it, with what is added; the rest of the file
 * stays as it is. A file is never changed without being
 * asked: it may be under version control, and who reads it need not want it to be another. */
static enum status run_adopt(struct manifests *manifests, struct write_job *job)
{
    struct holder holder = { 0 };
    struct content_digest content;
    enum status status = find_holder(manifests, job, &holder);
    if (status == ST_OK) {
        status = document_copy(holder.object, &job->object);
    }
    if (status == ST_OK) {
        status = rules_adopt(job->object, clock_now(&manifests->clock));
    }
    if (status == ST_OK) {
        status = digest(manifests, job, &content);
    }
    if (status == ST_OK && !content_digest_equal(&content, &holder.content)) {
        json_object_object_del(json_object_object_get(job->object, "metadata"), "resourceVersion");
        status = change_file(manifests, job, holder.file, &holder.text, &content);
        status = is_written(status) ? publish(manifests, job, status, &content) : status;
    }
    holder_fini(&holder);
    return status;
}

/* --- delete --- */

static enum status delete_from(struct manifests *manifests,
                               struct write_job *job,
                               struct node *file)
{
    struct file_content text = { 0 };
    enum status status = read_file(manifests, job, file, &text);
    if (status == ST_OK) {
        status = change_file(manifests, job, file, &text, NULL);
    }
    file_content_fini(&text);
    return status;
}

static enum status run_delete(struct manifests *manifests, struct write_job *job)
{
    struct holder holder = { 0 };
    enum status status = find_holder(manifests, job, &holder);
    holder_fini(&holder);
    struct node *file = NULL;
    while (status == ST_OK && (file = index_last_holder(manifests, &job->target))) {
        status = delete_from(manifests, job, file); /* a second time for one file: a conflict */
        turn_follow(manifests);
    }
    return status == ST_OK ? publish(manifests, job, status, NULL) : status;
}

/* --- the queue --- */

static enum status run(struct manifests *manifests, struct write_job *job)
{
    if (manifests->is_root_lost) {
        problem_set_file(&job->problem, manifests->directory);
        return refuse(job, ST_IO, "the directory is not there");
    }
    if (job->is_too_deep) {
        return refuse(job, ST_INVALID, "the object is nested too deeply");
    }
    switch (job->verb) {
    case STORE_CREATE:
        return run_create(manifests, job);
    case STORE_GET:
        return run_get(manifests, job);
    case STORE_UPDATE:
        return run_update(manifests, job);
    case STORE_PATCH:
        return run_patch(manifests, job);
    case STORE_DELETE:
        return run_delete(manifests, job);
    case STORE_ADOPT:
        return run_adopt(manifests, job);
    }
    return ST_INTERNAL;
}

static void free_job(struct write_job *job)
{
    (void)json_object_put(job->object);
    free(job->target_text);
    free(job);
}

struct write_job *write_run_next(struct manifests *manifests)
{
    if (!manifests_is_write_due(manifests)) {
        return NULL;
    }
    struct write_job *job = cds_list_first_entry(&manifests->writes, struct write_job, queue);
    cds_list_del(&job->queue);
    manifests->write_count--;
    job->status = run(manifests, job);
    if (job->status == ST_NOMEM) {
        (void)refuse(job, ST_NOMEM, "no memory");
    }
    job->problem.status = job->status;
    return job;
}

void write_finish(struct write_job *job)
{
    if (!job) {
        return;
    }
    const bool is_ok = job->status == ST_OK;
    const bool has_object = is_ok && job->verb != STORE_DELETE;
    job->done(job->ctx, job->status, has_object ? job->object : NULL, is_ok ? NULL : &job->problem);
    free_job(job);
}

void write_init(struct manifests *manifests)
{
    CDS_INIT_LIST_HEAD(&manifests->writes);
}

void write_fini(struct manifests *manifests)
{
    struct write_job *job;
    struct write_job *next;
    cds_list_for_each_entry_safe(job, next, &manifests->writes, queue)
    {
        free_job(job);
    }
}

static struct span take_text(char **at, struct span text)
{
    char *const copy = *at;
    if (text.len) {
        memcpy(copy, text.at, text.len);
    }
    *at += text.len;
    return (struct span){ .at = copy, .len = text.len };
}

static bool copy_target(struct write_job *job, const struct store_target *target)
{
    const size_t size =
        target->namespace.len + target->name.len + target->uid.len + target->resource_version.len;
    char *at = malloc(size + 1);
    job->target_text = at;
    if (!at) {
        return false;
    }
    job->target = (struct store_target){
        .kind = target->kind,
        .namespace = take_text(&at, target->namespace),
        .name = take_text(&at, target->name),
        .uid = take_text(&at, target->uid),
        .resource_version = take_text(&at, target->resource_version),
    };
    return true;
}

/* What a write says of an object's names and preconditions; nothing where the object says it. */
static struct store_target target_of(const struct store_write *write)
{
    struct store_target target = { .kind = write->target.kind };
    switch (write->verb) {
    case STORE_CREATE:
    case STORE_UPDATE:
        break;
    case STORE_GET:
    case STORE_ADOPT:
        target.namespace = write->target.namespace;
        target.name = write->target.name;
        break;
    case STORE_PATCH:
    case STORE_DELETE:
        target = write->target;
        break;
    }
    return target;
}

enum status write_enqueue(struct store *store, const struct store_write *write)
{
    struct manifests *manifests = manifests_of(store);
    const struct store_target target = target_of(write);
    if (!manifests->wake || !store_wants(store, target.kind)) {
        return ST_UNSUPPORTED;
    }
    if (manifests->write_count >= MANIFESTS_MAX_WRITES) {
        return ST_LIMIT;
    }
    struct write_job *job = calloc(1, sizeof(*job));
    if (!job) {
        return ST_NOMEM;
    }
    job->verb = write->verb;
    job->done = write->done;
    job->ctx = write->ctx;
    const bool has_object =
        write->verb == STORE_CREATE || write->verb == STORE_UPDATE || write->verb == STORE_PATCH;
    const enum status status = document_copy(has_object ? write->object : NULL, &job->object);
    job->is_too_deep = status == ST_LIMIT;
    if (status == ST_NOMEM || !copy_target(job, &target)) {
        free_job(job);
        return ST_NOMEM;
    }
    cds_list_add_tail(&job->queue, &manifests->writes);
    manifests->write_count++;
    wake_arm(manifests);
    return ST_OK;
}

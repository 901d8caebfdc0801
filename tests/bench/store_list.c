/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to follow many objects of which only the metadata is wanted: bytes, CPU, and how
 * long the loop cannot do anything else.
 *
 * A child process plays an API server (plain HTTP, a streaming list that goes on as a watch) with
 * Pods as those of Deployments are, of which managedFields are most. The watch then ends because it
 * is too old, and everything is listed again, without news; and once more, when all Pods but one
 * are gone. Each of the three is a row. Bytes are what the process has of its own memory (RssAnon)
 * then, minus before; peak is VmHWM, minus what it was before. The loop's stall is the longest time
 * between two turns of a timer of one millisecond; of CPU time, too, which other programs of the
 * machine are no part of.
 *
 * Usage: store_list [PODS]
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "io/loop.h"
#include "kube/cluster_access.h"
#include "store/apiserver/apiserver.h"
#include "store/store.h"

#define PODS_DEFAULT 150000
#define POD_BYTES    3700 /* of kubelet-managed Pods of a Deployment, as an event of a watch */
#define ROUNDS       3
#define TICK_MS      1

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

/* --- the server --- */

static void send_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        const ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            _exit(0); /* whoever is measured has gone */
        }
        at += sent;
        len -= (size_t)sent;
    }
}

static void append_head(struct buf *out)
{
    buf_append_text(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
}

/* As kube-controller-manager and a kubelet leave them behind, repeated up to the usual size. */
static void append_managed_fields(struct buf *out, size_t until)
{
    buf_append_text(out, ",\"managedFields\":[");
    for (size_t i = 0; out->len < until; i++) {
        buf_append_text(out, i ? "," : "");
        buf_append_text(
            out,
            "{\"manager\":\"kubelet\",\"operation\":\"Update\",\"apiVersion\":\"v1\",\"time\":"
            "\"2026-01-02T03:04:05Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:status\":{"
            "\"f:conditions\":{\"k:{\\\"type\\\":\\\"ContainersReady\\\"}\":{\".\":{},"
            "\"f:lastProbeTime\":{},\"f:lastTransitionTime\":{},\"f:status\":{},\"f:type\":{}},"
            "\"k:{\\\"type\\\":\\\"Initialized\\\"}\":{\".\":{},\"f:lastProbeTime\":{},"
            "\"f:lastTransitionTime\":{},\"f:status\":{},\"f:type\":{}}},\"f:containerStatuses\":"
            "{},\"f:hostIP\":{},\"f:phase\":{},\"f:podIP\":{},\"f:startTime\":{}}},"
            "\"subresource\":\"status\"}");
    }
    buf_append_text(out, "]");
}

static void append_pod(struct buf *out, unsigned n)
{
    const size_t start = out->len;
    buf_printf(out,
               "{\"type\":\"ADDED\",\"object\":{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":"
               "\"meta.k8s.io/v1\",\"metadata\":{\"name\":\"deployment-%05u-6d4b75cb6d-%05x\","
               "\"generateName\":\"deployment-%05u-6d4b75cb6d-\",\"namespace\":\"namespace-%04u\","
               "\"uid\":\"%08x-0000-4000-8000-00005e0d1234\",\"resourceVersion\":\"%u\","
               "\"generation\":1,\"creationTimestamp\":\"2026-01-02T03:04:05Z\",\"labels\":{\"app\""
               ":\"deployment-%05u\",\"pod-template-hash\":\"6d4b75cb6d\"},\"annotations\":{"
               "\"kubectl.kubernetes.io/restartedAt\":\"2026-01-02T03:04:05Z\"},"
               "\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":"
               "\"deployment-%05u-6d4b75cb6d\",\"uid\":\"%08x-0000-4000-8000-00005e0d4321\","
               "\"controller\":true,\"blockOwnerDeletion\":true}]",
               n / 10, n, n / 10, n % 1000, n, 1000000 + n, n / 10, n / 10, n);
    append_managed_fields(out, start + POD_BYTES - 500);
    buf_append_text(out, "}}}\n");
}

static void send_list(int fd, unsigned count)
{
    struct buf out = { 0 };
    append_head(&out);
    for (unsigned n = 0; n < count; n++) {
        append_pod(&out, n);
        if (out.len >= 65536) {
            send_all(fd, out.at, out.len);
            buf_clear(&out);
        }
    }
    buf_printf(&out,
               "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"PartialObjectMetadata\",\"metadata\":"
               "{\"resourceVersion\":\"%u\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\""
               "}}}}\n",
               1000000 + count);
    send_all(fd, out.at, out.len);
    buf_fini(&out);
}

static void wait_for(int fd, const char *text)
{
    char request[8192];
    size_t len = 0;
    while (len < sizeof(request) - 1) {
        const ssize_t got = recv(fd, request + len, sizeof(request) - 1 - len, 0);
        if (got <= 0) {
            _exit(0);
        }
        len += (size_t)got;
        request[len] = '\0';
        if (strstr(request, "\r\n\r\n")) {
            break;
        }
    }
    if (!strstr(request, text)) {
        (void)fprintf(stderr, "not asked for %s: %s\n", text, request);
        _exit(1);
    }
}

/* @go: a byte comes when the next round may begin */
static _Noreturn void serve(int listener, int go, unsigned count)
{
    static const char gone[] = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,"
                               "\"reason\":\"Expired\",\"message\":\"too old\"}}\n";
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail */
    for (unsigned round = 0; round < ROUNDS; round++) {
        const int fd = accept(listener, NULL, NULL);
        char byte;
        wait_for(fd, "sendInitialEvents");
        send_list(fd, round == ROUNDS - 1 ? 1 : count);
        if (read(go, &byte, 1) != 1) {
            _exit(0);
        }
        send_all(fd, gone, sizeof(gone) - 1);
        (void)close(fd);
    }
    (void)pause();
    _exit(0);
}

/* --- who is measured --- */

struct bench {
    struct loop *loop;
    struct store *store;
    uv_timer_t tick;
    uint64_t last_ns;
    uint64_t last_cpu_ns;
    uint64_t stall_ns;
    uint64_t stall_cpu_ns;
    uint64_t events;
    uint64_t rounds_done;
    int go;
    size_t before;
    size_t peak_before;
    uint64_t cpu_ns;
    unsigned count;
};

static size_t status_bytes(const char *name)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    size_t kib = 0;
    const size_t len = strlen(name);
    while (status && fgets(line, sizeof(line), status)) {
        if (strncmp(line, name, len) == 0) {
            kib = strtoul(line + len + 1, NULL, 10);
        }
    }
    if (status) {
        (void)fclose(status);
    }
    return kib * 1024;
}

static uint64_t cpu_now_ns(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail */
    return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * 1000000000 +
           ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000;
}

static uint64_t thread_cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* cannot fail */
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void on_event(void *ctx, const struct store_event *event)
{
    struct bench *bench = ctx;
    bench->events += event->type != STORE_SYNCED;
}

static void print_round(struct bench *bench)
{
    static const char *const names[ROUNDS] = { "listed", "listed again", "gone" };
    (void)malloc_trim(0);
    const size_t used = status_bytes("RssAnon") - bench->before;
    const uint64_t cpu_ns = cpu_now_ns();
    (void)printf(
        "%-13s %8u Pods: %6.1f MB (%5.1f bytes each), peak %6.1f MB; %5.2f s of CPU (%5.1f "
        "us each); stall %5.1f ms (%5.1f of CPU); %llu events\n",
        names[bench->rounds_done], bench->count, (double)used / 1e6, (double)used / bench->count,
        (double)(status_bytes("VmHWM") - bench->peak_before) / 1e6,
        (double)(cpu_ns - bench->cpu_ns) / 1e9,
        (double)(cpu_ns - bench->cpu_ns) / 1e3 / bench->count, (double)bench->stall_ns / 1e6,
        (double)bench->stall_cpu_ns / 1e6, (unsigned long long)bench->events);
    (void)fflush(stdout);
}

static void on_tick(uv_timer_t *timer)
{
    struct bench *bench = timer->data;
    const uint64_t now_ns = uv_hrtime();
    const uint64_t gap_ns = now_ns - bench->last_ns;
    struct store_stats stats;
    const uint64_t gap_cpu_ns = thread_cpu_ns() - bench->last_cpu_ns;
    bench->stall_ns = gap_ns > bench->stall_ns ? gap_ns : bench->stall_ns;
    bench->stall_cpu_ns = gap_cpu_ns > bench->stall_cpu_ns ? gap_cpu_ns : bench->stall_cpu_ns;
    store_stats(bench->store, &stats);
    if (stats.lists_ok > bench->rounds_done) {
        print_round(bench);
        bench->events = 0;
        bench->stall_ns = 0;
        bench->stall_cpu_ns = 0;
        bench->cpu_ns = cpu_now_ns();
        if (++bench->rounds_done == ROUNDS) {
            loop_stop(bench->loop);
        } else if (write(bench->go, "g", 1) != 1) {
            die("write");
        }
    }
    bench->last_ns = uv_hrtime();
    bench->last_cpu_ns = thread_cpu_ns();
}

static struct store *open_store(uint16_t port)
{
    char path[] = "/tmp/store_list.XXXXXX";
    struct problem problem = { 0 };
    struct apiserver_options options = { .clock = clock_system() };
    struct store *store = NULL;
    const int fd = mkstemp(path);
    if (fd < 0 || dprintf(fd,
                          "current-context: x\n"
                          "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
                          "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:%u'}}]\n"
                          "users: [{name: u, user: {token: TEST-ONLY}}]\n",
                          port) < 0) {
        die(path);
    }
    (void)close(fd);
    if (cluster_access_from_kubeconfig(path, &options.access, &problem) != ST_OK ||
        apiserver_new(&options, &store, &problem) != ST_OK) {
        die(problem.text);
    }
    (void)unlink(path);
    return store;
}

int main(int argc, char **argv)
{
    static const struct store_interest pods = { .kind = &kind_pod, .is_metadata_only = true };
    struct bench bench = { .count =
                               argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : PODS_DEFAULT };
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t address_len = sizeof(address);
    struct problem problem = { 0 };
    int go[2];
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 4) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &address_len) != 0 || pipe(go) != 0) {
        die("listen");
    }
    const pid_t child = fork();
    if (child == 0) {
        serve(listener, go[0], bench.count);
    }
    bench.go = go[1];
    bench.store = open_store(ntohs(address.sin_port));
    if (loop_new(&bench.loop) != ST_OK ||
        store_subscribe(bench.store, &pods, on_event, &bench) != ST_OK ||
        store_load(bench.store, &problem) != ST_UNSETTLED ||
        store_watch(bench.store, bench.loop, &problem) != ST_OK ||
        uv_timer_init(loop_uv(bench.loop), &bench.tick) != 0) {
        die(problem.text);
    }
    bench.tick.data = &bench;
    bench.before = status_bytes("RssAnon");
    bench.peak_before = status_bytes("VmHWM");
    bench.cpu_ns = cpu_now_ns();
    bench.last_ns = uv_hrtime();
    bench.last_cpu_ns = thread_cpu_ns();
    (void)uv_timer_start(&bench.tick, on_tick, TICK_MS, TICK_MS); /* fails without callback only */
    loop_run(bench.loop);
    uv_close((uv_handle_t *)&bench.tick, NULL);
    bench.store = store_free(bench.store);
    bench.loop = loop_free(bench.loop);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    return 0;
}

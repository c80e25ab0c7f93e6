// bide/bench: the same workloads on libuv, as far as a callback loop has them.
#define _POSIX_C_SOURCE 200809L
#include "../../report.h"

#include <pthread.h>
#include <uv.h>

static uv_loop_t* loop;

static void on_timer(uv_timer_t* timer) { (void)timer; }

static double run_timers(uint64_t n) {
    uint64_t random = 88172645463325252u;
    uv_timer_t* live = malloc((n + 1) * sizeof *live);
    if (!live) abort();
    for (uint64_t i = 0; i < n; ++i) {
        uv_timer_init(loop, &live[i]);
        uv_timer_start(&live[i], on_timer, bench_random_ms(&random), 0);
    }
    uv_timer_t* extra = &live[n];
    uv_timer_init(loop, extra);
    double start = bench_now();
    for (uint64_t i = 0; i < n; ++i) {
        uv_timer_start(extra, on_timer, bench_random_ms(&random), 0);
        uv_timer_stop(extra);
        if (i % bench_pairs_per_turn == 0) uv_run(loop, UV_RUN_NOWAIT);
    }
    return bench_now() - start;  // `live` stays with the loop until the process ends
}

// What libuv's users write around uv_async_send, which itself carries no data and merges calls: a list under a mutex.
struct call {
    struct call* next;
    void (*run)(void* arg);
    void* arg;
};

static struct {
    pthread_mutex_t mutex;
    struct call* first;
    struct call** last;
    uv_async_t async;
    uint64_t n;
    uint64_t ran;
    double start;
    double end;
} inbox = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void post(void (*run)(void* arg), void* arg) {
    struct call* call = malloc(sizeof *call);
    if (!call) abort();
    *call = (struct call){NULL, run, arg};
    pthread_mutex_lock(&inbox.mutex);
    *inbox.last = call;
    inbox.last = &call->next;
    pthread_mutex_unlock(&inbox.mutex);
    uv_async_send(&inbox.async);
}

static void run_posted(uv_async_t* async) {
    (void)async;
    pthread_mutex_lock(&inbox.mutex);
    struct call* call = inbox.first;
    inbox.first = NULL;
    inbox.last = &inbox.first;
    pthread_mutex_unlock(&inbox.mutex);
    while (call) {
        struct call* next = call->next;
        call->run(call->arg);
        free(call);
        call = next;
    }
}

static void count(void* arg) {
    (void)arg;
    if (++inbox.ran == inbox.n) {
        inbox.end = bench_now();
        uv_close((uv_handle_t*)&inbox.async, NULL);
    }
}

static void* produce(void* arg) {
    (void)arg;
    nanosleep(&(struct timespec){0, 20 * 1000 * 1000}, NULL);  // the loop is asleep when the burst begins
    inbox.start = bench_now();
    for (uint64_t i = 0; i < inbox.n; ++i) post(count, NULL);
    return NULL;
}

static double run_threadsafe(uint64_t n) {
    pthread_t producer;
    inbox.last = &inbox.first;
    inbox.n = n;
    uv_async_init(loop, &inbox.async, run_posted);
    pthread_create(&producer, NULL, produce, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    pthread_join(producer, NULL);
    return inbox.end - inbox.start;
}

// libuv has no call_soon. The nearest is an idle handle: its callback runs once in each turn of the loop.
static void on_idle(uv_idle_t* idle) {
    uint64_t* left = idle->data;
    if (--*left == 0) uv_idle_stop(idle);
}

static double run_call_soon(uint64_t n) {
    uv_idle_t idle;
    uv_idle_init(loop, &idle);
    idle.data = &n;
    uv_idle_start(&idle, on_idle);
    double start = bench_now();
    uv_run(loop, UV_RUN_DEFAULT);
    return bench_now() - start;
}

int main(int argc, char** argv) {
    const char* modes = "timers|threadsafe|call_soon";
    if (argc < 3) return bench_usage(argv[0], modes);
    const char* mode = argv[1];
    uint64_t n = strtoull(argv[2], NULL, 10);
    double seconds = 0;
    loop = uv_default_loop();
    if (strcmp(mode, "timers") == 0)
        seconds = run_timers(n);
    else if (strcmp(mode, "threadsafe") == 0)
        seconds = run_threadsafe(n);
    else if (strcmp(mode, "call_soon") == 0)
        seconds = run_call_soon(n);
    else
        return bench_usage(argv[0], modes);
    bench_report(mode, n, seconds);
    return 0;
}

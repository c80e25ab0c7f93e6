// bide/bench: the one output line, clock and random numbers that every C and C++ bench program shares.
#ifndef BIDE_BENCH_REPORT_H
#define BIDE_BENCH_REPORT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Start-and-cancel loops let the event loop turn once every so many pairs, in every program alike.
enum { bench_pairs_per_turn = 256 };

// Queue modes move their items through a queue of this capacity, in every program alike.
enum { bench_queue_capacity = 64 };

static inline double bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// Peak resident memory of this process in KiB, 0 where it cannot be read.
static inline long bench_peak_kib(void) {
    long kib = 0;
    char line[256];
    FILE* status = fopen("/proc/self/status", "r");
    if (!status) return 0;
    while (fgets(line, sizeof line, status)) {
        if (sscanf(line, "VmHWM: %ld kB", &kib) == 1) break;
    }
    fclose(status);
    return kib;
}

static inline void bench_report(const char* mode, uint64_t n, double seconds) {
    long kib = bench_peak_kib();
    printf("%s n=%llu %.3f s %.2f ns each rss %ld KiB (%.0f B each)\n", mode, (unsigned long long)n, seconds,
           seconds * 1e9 / (double)n, kib, (double)kib * 1024.0 / (double)n);
    fflush(stdout);
}

// xorshift64: cheap enough not to show, and the same sequence on every run.
static inline uint64_t bench_random(uint64_t* state) {
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

// A deadline for the timer modes: 1 to 60 seconds from now, in milliseconds.
static inline uint64_t bench_random_ms(uint64_t* state) { return 1000 + bench_random(state) % 59001; }

// Ends the program with status 2 and the list of modes it knows.
static inline int bench_usage(const char* program, const char* modes) {
    fprintf(stderr, "usage: %s %s N\n", program, modes);
    return 2;
}

#endif

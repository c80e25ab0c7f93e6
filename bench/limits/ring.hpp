// bide/bench: the ring of the hand-written echo servers on io_uring.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

inline io_uring ring;

// What a completion belongs to: up to four kinds, and a descriptor.
template <class Kind>
void mark(io_uring_sqe* sqe, Kind kind, int fd) {
    io_uring_sqe_set_data64(sqe, static_cast<std::uint64_t>(fd) << 2 | static_cast<std::uint64_t>(kind));
}

inline io_uring_sqe* entry() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    while (sqe == nullptr) {  // the queue is full: hand it over
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    return sqe;
}

template <class Kind>
void accept_from(int listener, Kind kind) {
    io_uring_sqe* const sqe = entry();
    io_uring_prep_multishot_accept(sqe, listener, nullptr, nullptr, 0);
    mark(sqe, kind, listener);
}

// One ring for one thread; completions run when it enters.
inline bool make_ring() {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
                   IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
    params.cq_entries = 16384;
    const int error = io_uring_queue_init_params(1024, &ring, &params);
    if (error < 0) std::fprintf(stderr, "io_uring: %s\n", std::strerror(-error));
    if (error == 0) io_uring_register_ring_fd(&ring);
    return error == 0;
}

// Submits and waits in one call, then gives every completion: done(kind, descriptor, completion).
template <class Kind, class F>
void run_turn(F done) {
    io_uring_submit_and_wait(&ring, 1);
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring, head, cqe) {
        ++count;
        done(static_cast<Kind>(cqe->user_data & 3), static_cast<int>(cqe->user_data >> 2), *cqe);
    }
    io_uring_cq_advance(&ring, count);
}

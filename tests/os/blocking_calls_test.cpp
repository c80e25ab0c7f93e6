// bide/os: operations without a readiness form run on worker threads, on every backend.
// bide-test: no-shuffle
#include "os/backend_support.hpp"

#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>

namespace os_tests {

namespace {

using namespace std::chrono_literals;

// What the calls below record and wait for.
struct record {
    std::atomic<int> calls{0};
    std::atomic<int> running{0};
    std::atomic<std::thread::id> thread;
    std::counting_semaphore<> gate{0};
};

int count_call(const op_args& args) noexcept {
    auto& seen = *static_cast<record*>(args.data);
    seen.thread = std::this_thread::get_id();
    return ++seen.calls;
}
int wait_at_gate(const op_args& args) noexcept {
    auto& seen = *static_cast<record*>(args.data);
    ++seen.running;
    seen.gate.acquire();
    return ++seen.calls;
}
int fail(const op_args&) noexcept { return -ENOSPC; }

const op_kind counting{
    .name = "count", .prepare = nullptr, .attempt = count_call, .waits_for = ready_for::nothing};
const op_kind gated{
    .name = "gate", .prepare = nullptr, .attempt = wait_at_gate, .waits_for = ready_for::nothing};
const op_kind failing{.name = "fail", .prepare = nullptr, .attempt = fail, .waits_for = ready_for::nothing};

class blocking : public ::testing::TestWithParam<variant> {
protected:
    record seen;
    rig on{GetParam()};
};

TEST_P(blocking, runs_on_another_thread) {
    op_node node(counting, {.data = &seen});
    EXPECT_EQ(on.run(node), 1);
    EXPECT_NE(seen.thread.load(), std::this_thread::get_id());
    EXPECT_EQ(on.os->in_flight(), 0U);
}

TEST_P(blocking, reports_errors) {
    op_node node(failing, {});
    EXPECT_EQ(on.run(node), -ENOSPC);
}

TEST_P(blocking, more_calls_than_threads_all_end) {
    std::vector<op_node> nodes;
    nodes.reserve(200);
    for (int i = 0; i < 200; ++i) nodes.emplace_back(counting, op_args{.data = &seen});
    for (op_node& node : nodes) on.os->submit(node);
    const auto limit = monotonic_now() + 30 * one_s;
    while (on.os->in_flight() != 0 && monotonic_now() < limit) on.poll_for(one_s);
    EXPECT_EQ(on.handed_over.size(), 200U);
    EXPECT_EQ(seen.calls, 200);
}

TEST_P(blocking, a_cancel_cannot_recall_a_call_that_runs) {
    op_node node(gated, {.data = &seen});
    on.os->submit(node);
    while (seen.running == 0) std::this_thread::yield();
    on.os->cancel(node);
    on.settle();
    EXPECT_FALSE(on.has(node));
    seen.gate.release();
    ASSERT_TRUE(on.wait_for(node));
    EXPECT_EQ(node.result(), 1);  // it did what it does
}

TEST_P(blocking, does_not_hold_up_the_rest) {
    op_node slow(gated, {.data = &seen});
    on.os->submit(slow);
    fd_pair pair = make_sockets();
    char byte = 0;
    op_node quick(recv_op, {.fd = pair.a.get(), .data = &byte, .size = 1});
    on.os->submit(quick);
    ASSERT_EQ(::write(pair.b.get(), "x", 1), 1);
    EXPECT_TRUE(on.wait_for(quick));
    EXPECT_FALSE(on.has(slow));
    seen.gate.release();
    EXPECT_TRUE(on.wait_for(slow));
}

TEST_P(blocking, its_end_wakes_a_sleeping_poll) {
    op_node node(gated, {.data = &seen});
    on.os->submit(node);
    std::jthread opener([&] {
        std::this_thread::sleep_for(2ms);
        seen.gate.release();
    });
    EXPECT_TRUE(on.wait_for(node));
}

TEST_P(blocking, a_backend_that_is_destroyed_waits_for_its_calls) {
    op_node node(gated, {.data = &seen});
    on.os->submit(node);
    while (seen.running == 0) std::this_thread::yield();
    std::jthread opener([&] {
        std::this_thread::sleep_for(2ms);
        seen.gate.release();
    });
    on.os.reset();
    EXPECT_EQ(seen.calls, 1);
}

INSTANTIATE_TEST_SUITE_P(all, blocking, ::testing::ValuesIn(variants()),
                         [](const auto& of) { return of.param.name; });

// A regular file has no readiness: what says "try again" there is tried again on a worker thread.
const std::thread::id main_thread = std::this_thread::get_id();
const op_kind again_on_the_loop{.name = "again on the loop's thread",
                                .prepare = nullptr,
                                .attempt =
                                    [](const op_args& args) noexcept {
                                        if (std::this_thread::get_id() == main_thread) return -EAGAIN;
                                        return static_cast<int>(::read(args.fd, args.data, args.size));
                                    },
                                .waits_for = ready_for::reading};

TEST(blocking_file, an_attempt_that_cannot_be_waited_for_moves_to_a_worker) {
    rig on({"epoll", [] { return make_epoll_backend(); }});
    const unique_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    char start[4] = {};
    op_node node(again_on_the_loop, {.fd = file.get(), .data = start, .size = sizeof start});
    EXPECT_EQ(on.run(node), 4);
    EXPECT_EQ(std::string(start + 1, 3), "ELF");
}

}  // namespace

}  // namespace os_tests

// bide/core: the loop that nothing can wake, and all that may still wake it.
// bide-test: no-shuffle
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "os/process_state.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::has;
using bide_test::noted;
using bide_test::outcome;
using bide_test::thrown;

std::string at_line(int line) { return "deadlock_test.cpp:" + std::to_string(line) + ")"; }

template <class Main>
std::string report_of(Main main) {
    return thrown<bide::deadlock_error>([&] { return bide::run(main()), 0; });
}

// --- the report ---

int forgotten_line = 0;
bide::coro<int> wait_for_forgotten() {
    const bide::future<int> forgotten = bide::create_future<int>();
    forgotten_line = __LINE__ + 1;
    const int value = co_await forgotten;
    co_return value;
}

TEST(deadlock, names_the_task_what_it_waits_for_and_every_frame_with_its_line) {
    int main_line = 0;
    const auto main = [&]() -> bide::coro<void> {
        bide::current_task().set_name("main");
        main_line = __LINE__ + 1;
        co_await wait_for_forgotten();
    };
    const std::string report = report_of(main);
    EXPECT_TRUE(has(report, "deadlock: nothing can wake this event loop any more, and 1 task is suspended",
                    "task 'main' waits for future", "at ", "lambda", at_line(main_line),
                    "at wait_for_forgotten", at_line(forgotten_line)));
}

TEST(deadlock, shows_a_task_below_the_one_that_awaits_it) {
    const auto main = []() -> bide::coro<void> {
        bide::current_task().set_name("main");
        const auto inner = bide::create_task(wait_for_forgotten(), bide::task_options().name("inner"));
        const auto outer = bide::create_task(outcome(inner), bide::task_options().name("outer"));
        co_await outer;
    };
    const std::string text = report_of(main);
    EXPECT_TRUE(has(text, "3 tasks are suspended", "\ntask 'main' waits for task 'outer'\n",
                    "\n    task 'outer' waits for task 'inner'\n",
                    "\n        task 'inner' waits for future\n"));
    EXPECT_FALSE(has(text, "cycle"));
}

using members = std::shared_ptr<std::vector<bide::task<void>>>;

bide::coro<void> await_member(members ring, std::size_t which) {
    const bide::task<void> next = ring->at(which);
    co_await next;
}

// Makes a ring of tasks named "0", "1", ... each of which awaits the next.
members make_ring(std::size_t size) {
    auto ring = std::make_shared<std::vector<bide::task<void>>>();
    for (std::size_t i = 0; i < size; ++i) {
        ring->push_back(bide::create_task(await_member(ring, (i + 1) % size),
                                          bide::task_options().name(std::to_string(i))));
    }
    return ring;
}

std::string report_of_ring(std::size_t size, bool with_main) {
    members ring;
    const auto main = [&]() -> bide::coro<void> {
        ring = make_ring(size);
        const bide::task<void> first = ring->front();
        if (with_main) co_await first;
        co_await wait_for_forgotten();
    };
    const std::string text = report_of(main);
    ring->clear();
    return text;
}

TEST(deadlock, names_the_cycle) {
    EXPECT_TRUE(has(report_of_ring(2, false), "cycle: '0' -> '1' -> '0'\n"));
    EXPECT_TRUE(has(report_of_ring(3, false), "cycle: '0' -> '1' -> '2' -> '0'\n"));
    EXPECT_TRUE(has(report_of_ring(2, true), "cycle: '0' -> '1' -> '0'\n"));
    EXPECT_TRUE(has(report_of_ring(3, true), "cycle: '0' -> '1' -> '2' -> '0'\n"));
}

TEST(deadlock, names_a_cycle_that_goes_through_a_gather) {
    members ring = std::make_shared<std::vector<bide::task<void>>>();
    const auto main = [&]() -> bide::coro<void> {
        const auto through = [](members in) -> bide::coro<void> {
            const bide::task<void> next = in->at(1);
            const auto both = bide::gather(next, bide::create_task(bide_test::outcome(next)));
            co_await both;
        };
        ring->push_back(bide::create_task(through(ring), bide::task_options().name("a")));
        ring->push_back(bide::create_task(await_member(ring, 0), bide::task_options().name("b")));
        co_await wait_for_forgotten();
    };
    EXPECT_TRUE(has(report_of(main), "cycle: 'a' -> 'b' -> 'a'\n"));
    ring->clear();
}

TEST(deadlock, a_large_one_is_reported_in_short_and_in_time) {
    const auto main = []() -> bide::coro<void> {
        std::vector<bide::task<int>> many;
        for (int i = 0; i < 20'000; ++i) many.push_back(bide::create_task(wait_for_forgotten()));
        bide::task<std::string> chain;
        for (int i = 0; i < 5'000; ++i) {
            const auto all_wait = bide::create_task(outcome(many.front()));
            chain = bide::create_task(outcome(chain ? bide::any_task(chain) : bide::any_task(all_wait)));
        }
        co_await chain;
    };
    const std::string text = report_of(main);
    EXPECT_TRUE(has(text, "30001 tasks are suspended", "... and 29801 more\n")) << text.size();
    EXPECT_LT(text.size(), 200'000U);
}

bide::coro<void> nest(int depth) {
    if (depth > 0) co_await nest(depth - 1);
    if (depth == 0) co_await wait_for_forgotten();
}

TEST(deadlock, a_deep_one_too) {
    const auto main = []() -> bide::coro<void> { co_await nest(1000); };
    const std::string text = report_of(main);
    EXPECT_TRUE(has(text, "at nest", " more frames ...", "at wait_for_forgotten"));
    EXPECT_LT(text.size(), 10'000U);
}

TEST(deadlock, tasks_are_cancelled_and_cleaned_up_afterwards) {
    std::vector<std::string> log;
    const auto main = [&]() -> bide::coro<void> {
        const noted local(log, "local");
        try {
            co_await wait_for_forgotten();
        } catch (const bide::cancelled_error&) {
            log.emplace_back("cancelled");
            throw;
        }
    };
    EXPECT_TRUE(has(report_of(main), "deadlock"));
    EXPECT_EQ(log, (std::vector<std::string>{"cancelled", "local"}));
}

TEST(deadlock, a_test_on_virtual_time_sees_it_too) {
    EXPECT_TRUE(has(thrown<bide::deadlock_error>([] {
                        bide::testing::run_test([]() -> bide::coro<void> {
                            co_await bide::sleep(1h);
                            co_await wait_for_forgotten();
                        });
                        return 0;
                    }),
                    "task 'test body' waits for future"));
}

// --- no false alarm ---

bool sleeps(pid_t thread) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/stat", static_cast<int>(thread));
    std::FILE* const file = std::fopen(path, "re");
    if (file == nullptr) return false;
    int number = 0;
    char name[64] = {};
    char state = '?';
    const int read = std::fscanf(file, "%d %63s %c", &number, name, &state);
    std::fclose(file);
    return read == 3 && state == 'S';
}

TEST(no_deadlock, while_another_thread_may_post) {
    const pid_t self = ::getpid();  // the main thread's number as well
    std::thread poster;
    const auto main = [&]() -> bide::coro<void> {
        const auto future = bide::create_future<void>();
        bide::event_loop& loop = bide::get_running_loop();
        poster = std::thread([self, future_address = &future, &loop] {
            while (!sleeps(self)) std::this_thread::yield();
            loop.call_soon_threadsafe([future_address] { future_address->set_result(); });
        });
        co_await future;
    };
    bide::run(main());
    poster.join();
}

// The thread may end between the loop's look at its inbox and its look at the threads of the process.
TEST(no_deadlock, when_the_thread_that_posted_has_ended) {
    for (int i = 0; i < 300; ++i) {
        std::thread poster;
        const auto main = [&]() -> bide::coro<void> {
            const auto future = bide::create_future<void>();
            bide::event_loop& loop = bide::get_running_loop();
            poster = std::thread([future_address = &future, &loop] {
                loop.call_soon_threadsafe([future_address] { future_address->set_result(); });
            });
            co_await future;
        };
        bide::run(main());
        poster.join();
    }
}

TEST(no_deadlock, while_a_worker_thread_is_busy) {
    const pid_t self = ::getpid();
    const auto main = [&]() -> bide::coro<int> {
        const int value = co_await bide::to_thread([self] {
            while (!sleeps(self)) std::this_thread::yield();
            return 5;
        });
        co_return value;
    };
    EXPECT_EQ(bide::run(main()), 5);
}

TEST(no_deadlock, while_a_timer_is_set) {
    const auto main = []() -> bide::coro<void> {
        const auto future = bide::create_future<void>();
        bide::get_running_loop().call_later(1ms, [future] { future.set_result(); });
        co_await future;
    };
    bide::run(main());
}

TEST(no_deadlock, while_a_descriptor_is_watched) {
    const int timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    itimerspec in_a_moment{};
    in_a_moment.it_value.tv_nsec = 1'000'000;
    ::timerfd_settime(timer, 0, &in_a_moment, nullptr);
    const auto main = [&]() -> bide::coro<void> {
        const auto future = bide::create_future<void>();
        bide::event_loop& loop = bide::get_running_loop();
        loop.add_reader(timer, [future, &loop, timer] {
            loop.remove_reader(timer);
            future.set_result();
        });
        co_await future;
    };
    bide::run(main());
    ::close(timer);
}

TEST(no_deadlock, while_an_operation_is_in_flight) {
    const int timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    itimerspec in_a_moment{};
    in_a_moment.it_value.tv_nsec = 1'000'000;
    ::timerfd_settime(timer, 0, &in_a_moment, nullptr);
    const auto main = [&]() -> bide::coro<void> { co_await bide::wait_readable(timer); };
    bide::run(main());
    ::close(timer);
}

TEST(no_deadlock, while_a_signal_handler_is_installed) {
    EXPECT_FALSE(bide::detail::others_may_act());
    std::signal(SIGUSR1, [](int) {});
    EXPECT_TRUE(bide::detail::others_may_act());
    std::signal(SIGUSR1, SIG_DFL);
    EXPECT_FALSE(bide::detail::others_may_act());
}

TEST(no_deadlock, without_tasks_there_is_nothing_to_report) {
    bide::event_loop loop;
    loop.call_later(1ms, [&] { loop.stop(); });
    loop.run_forever();
}

}  // namespace

// bide/exec: tests of the synchronous twin of every awaitable.
// bide-test: no-shuffle
#include "support/async_test.hpp"
#include "support/expect.hpp"

#include <bide/sync_wait.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using bide::sync_wait;
using bide_test::has;
using bide_test::thrown;

bide::coro<int> add(int a, int b) {
    co_await bide::sleep(0s);
    co_return a + b;
}

// [example]
TEST(sync_wait, gives_the_result_of_an_awaitable_to_ordinary_code) {
    EXPECT_EQ(bide::sync_wait(add(20, 22)), 42);
    bide::sync_wait(bide::sleep(1us));
}
// [/example]

TEST(sync_wait, takes_callables_and_results_of_every_kind) {
    const auto owned =
        sync_wait([](int n) -> bide::coro<std::unique_ptr<int>> { co_return std::make_unique<int>(n); }, 4);
    EXPECT_EQ(*owned, 4);
    int target = 0;
    int& same = sync_wait([&]() -> bide::coro<int&> { co_return target; });
    EXPECT_EQ(&same, &target);
    const std::string captured = "a text that is longer than what a string keeps in itself";
    const std::string text = sync_wait([captured]() -> bide::coro<std::string> {
        co_await bide::sleep(0s);
        co_return captured;
    });
    EXPECT_EQ(text, captured);
}

TEST(sync_wait, throws_what_the_awaitable_throws) {
    const auto fail = []() -> bide::coro<void> {
        co_await bide::sleep(0s);
        throw std::out_of_range("far");
    };
    EXPECT_THROW(sync_wait(fail), std::out_of_range);
    EXPECT_EQ(sync_wait(add(1, 1)), 2);  // the loop lives on
}

TEST(sync_wait, what_one_call_makes_the_next_one_uses) {
    auto ready = sync_wait([]() -> bide::coro<bide::future<int>> { co_return bide::create_future<int>(); });
    const auto task = sync_wait([&]() -> bide::coro<bide::task<int>> {
        co_return bide::create_task([](bide::future<int> f) -> bide::coro<int> { co_return co_await f + 1; },
                                    ready);
    });
    EXPECT_FALSE(task.done());
    sync_wait([&]() -> bide::coro<void> {
        ready.set_result(6);
        co_return;
    });
    EXPECT_EQ(sync_wait(task), 7);
    EXPECT_EQ(&ready.get_loop(), &bide::sync_loop());
}

bide::context_var<int> variable{0};

TEST(sync_wait, calls_share_their_context_variables) {
    sync_wait([]() -> bide::coro<void> {
        variable.set(8);
        co_return;
    });
    EXPECT_EQ(sync_wait([]() -> bide::coro<int> { co_return variable.get(); }), 8);
}

TEST(sync_wait, inside_a_running_loop_it_is_an_error) {
    bide::testing::run_test([]() -> bide::coro<void> {
        const auto inside = [] {
            sync_wait(bide::sleep(0s));
            return 0;
        };
        EXPECT_TRUE(has(thrown<bide::invalid_state_error>(inside), "sync_wait", "co_await"));
        co_return;
    });
    const auto nested = []() -> bide::coro<void> {
        sync_wait(bide::sleep(0s));
        co_return;
    };
    EXPECT_THROW(sync_wait(nested), bide::invalid_state_error);
}

TEST(sync_wait, each_thread_has_its_own_loop_which_is_cleaned_up_when_it_ends) {
    bool cleaned_up = false;
    const bide::event_loop* other_loop = nullptr;
    const bide::event_loop* const own_loop = &bide::sync_loop();
    std::thread other([&] {
        other_loop = &bide::sync_loop();
        sync_wait([&]() -> bide::coro<void> {
            bide::create_task([&]() -> bide::coro<void> {
                try {
                    co_await bide::sleep(1000h);
                } catch (const bide::cancelled_error&) {}
                co_await bide::sleep(0s);
                cleaned_up = true;
            });
            co_await bide::sleep(0s);
        });
        EXPECT_FALSE(cleaned_up);
    });
    other.join();
    EXPECT_TRUE(cleaned_up);
    EXPECT_NE(other_loop, own_loop);
}

TEST(sync_wait, works_in_the_child_of_a_fork) {
    EXPECT_EQ(sync_wait(add(1, 1)), 2);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(sync_wait(add(20, 22)));
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 42);
    EXPECT_EQ(sync_wait(add(1, 2)), 3);
}

TEST(sync_wait, what_can_never_end_is_reported_and_the_loop_lives_on) {
    const auto hang = []() -> bide::coro<void> { co_await bide::create_future(); };
    EXPECT_THROW(sync_wait(hang), bide::deadlock_error);
    EXPECT_EQ(sync_wait(add(2, 3)), 5);
}

}  // namespace

// bide/testing: the sweeps reach every turn and every operation, and fail for what is wrong after any of them.
// bide-test: no-shuffle
#include <bide/testing/sweep.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using bide::testing::cancel_everywhere;
using bide::testing::fail_everywhere;
using bide::testing::test_failure;
using bide::testing::test_options;
using bide_test::has;
using bide_test::thrown;

// --- cancel_everywhere ---

// [cancel_everywhere]
struct account {
    int balance = 0;
};

bide::coro<void> deposit(account& to, int amount) {
    co_await bide::sleep(1s);  // looks up the account
    to.balance += amount;
    co_await bide::sleep(1s);  // writes the log
}

TEST(account, a_deposit_is_made_in_full_or_not_at_all) {
    account mine;
    bide::testing::cancel_everywhere(
        [&]() -> bide::coro<void> {
            mine.balance = 0;
            co_await deposit(mine, 10);
        },
        [&](std::uint64_t) { EXPECT_TRUE(mine.balance == 0 || mine.balance == 10); });
}
// [/cancel_everywhere]

TEST(cancel_everywhere, looks_after_every_run_and_tells_the_turn) {
    std::vector<std::uint64_t> turns;
    const auto runs = cancel_everywhere([]() -> bide::coro<void> { co_await bide::sleep(1s); },
                                        [&](std::uint64_t turn) { turns.push_back(turn); });
    EXPECT_EQ(turns.size(), runs);
    EXPECT_EQ(turns.front(), 0U);
    EXPECT_EQ(turns.back(), runs - 1);
}

TEST(cancel_everywhere, what_after_throws_names_the_turn) {
    const std::string text = thrown<test_failure>([] {
        return cancel_everywhere([]() -> bide::coro<void> { co_await bide::sleep(1s); },
                                 [](std::uint64_t turn) {
                                     if (turn == 1) throw std::runtime_error("half done");
                                 });
    });
    EXPECT_TRUE(has(text, "cancelled in turn 1", "half done"));
}

TEST(cancel_everywhere, a_body_that_answers_with_another_error_fails) {
    const auto body = []() -> bide::coro<void> {
        bool cancelled = false;
        try {
            co_await bide::sleep(1s);
        } catch (const bide::cancelled_error&) { cancelled = true; }
        if (cancelled) throw std::runtime_error("clean-up failed");
    };
    EXPECT_TRUE(has(thrown<test_failure>([&] { return cancel_everywhere(body); }), "cancelled in turn",
                    "clean-up failed"));
}

TEST(cancel_everywhere, a_body_that_leaves_a_task_behind_fails) {
    const auto body = []() -> bide::coro<void> {
        const auto helper = bide::create_task([]() -> bide::coro<void> { co_await bide::sleep(1h); });
        co_await bide::sleep(1s);
        helper.cancel();  // not reached when cancelled
        co_await bide::sleep(1s);
    };
    EXPECT_TRUE(has(thrown<test_failure>([&] { return cancel_everywhere(body); }), "cancelled in turn",
                    "was left behind"));
}

TEST(cancel_everywhere, a_body_that_then_waits_for_ever_fails) {
    const auto body = []() -> bide::coro<void> {
        const auto never = bide::create_future<void>();
        bool cancelled = false;
        try {
            co_await bide::sleep(1s);
        } catch (const bide::cancelled_error&) { cancelled = true; }
        if (cancelled) co_await never;
    };
    EXPECT_TRUE(
        has(thrown<test_failure>([&] { return cancel_everywhere(body); }), "cancelled in turn", "deadlock"));
}

TEST(cancel_everywhere, a_body_may_swallow_the_cancellation) {
    int ended = 0;
    const auto runs = cancel_everywhere([&]() -> bide::coro<void> {
        for (int i = 0; i < 2; ++i) {
            try {
                co_await bide::sleep(1s);
            } catch (const bide::cancelled_error&) {}
        }
        ++ended;
    });
    EXPECT_EQ(static_cast<std::uint64_t>(ended), runs - 1);  // not when cancelled before the first step
}

TEST(cancel_everywhere, an_error_without_a_cancellation_fails_in_the_first_untouched_run) {
    const auto body = []() -> bide::coro<void> {
        co_await bide::sleep(1s);
        throw std::runtime_error("always");
    };
    EXPECT_TRUE(has(thrown<test_failure>([&] { return cancel_everywhere(body); }), "always"));
}

// --- fail_everywhere ---

class socket_pair {
public:
    socket_pair() {
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    }
    socket_pair(const socket_pair&) = delete;
    socket_pair& operator=(const socket_pair&) = delete;
    ~socket_pair() {
        for (const int each : ends) ::close(each);
    }
    int ends[2] = {-1, -1};
};

bide::coro<void> three_operations(std::vector<std::string>& answers) {
    const socket_pair pair;
    for (int i = 0; i < 3; ++i) {
        const bide::result<std::size_t> writable =
            co_await bide::as_result(bide::wait_writable(pair.ends[0]));
        answers.push_back(writable ? "ok" : writable.error().message());
    }
}

TEST(fail_everywhere, lets_each_operation_fail_in_turn) {
    std::vector<std::string> answers;
    std::vector<std::uint64_t> operations;
    const auto runs = fail_everywhere([&] { return three_operations(answers); }, ENOSPC,
                                      [&](std::uint64_t operation) { operations.push_back(operation); });
    EXPECT_EQ(runs, 4U);
    EXPECT_EQ(operations, (std::vector<std::uint64_t>{0, 1, 2, 3}));
    const std::string failed = std::make_error_code(std::errc::no_space_on_device).message();
    const std::vector<std::string> expected{failed, "ok", "ok",   "ok", failed, "ok",
                                            "ok",   "ok", failed, "ok", "ok",   "ok"};
    EXPECT_EQ(answers, expected);
}

TEST(fail_everywhere, an_exception_is_an_answer) {
    const auto body = []() -> bide::coro<void> {
        const socket_pair pair;
        co_await bide::wait_writable(pair.ends[0]);
        co_await bide::wait_writable(pair.ends[1]);
    };
    EXPECT_EQ(fail_everywhere(body), 3U);
}

TEST(fail_everywhere, a_descriptor_that_is_left_open_is_a_failure) {
    int kept[2] = {-1, -1};
    const auto body = [&]() -> bide::coro<void> {
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, kept), 0);
        co_await bide::wait_writable(kept[0]);  // throws past the close
        ::close(kept[0]);
        ::close(kept[1]);
    };
    EXPECT_TRUE(has(thrown<test_failure>([&] { return fail_everywhere(body); }), "failed operation 0",
                    "descriptor left open"));
    ::close(kept[0]);
    ::close(kept[1]);
}

TEST(fail_everywhere, waiting_for_ever_after_a_failure_is_a_failure) {
    const auto body = []() -> bide::coro<void> {
        const socket_pair pair;
        const auto told = bide::create_future<void>();
        const bide::result<std::size_t> writable =
            co_await bide::as_result(bide::wait_writable(pair.ends[0]));
        if (writable) told.set_result();  // and otherwise nobody
        co_await told;
    };
    EXPECT_TRUE(
        has(thrown<test_failure>([&] { return fail_everywhere(body); }), "failed operation 0", "deadlock"));
}

TEST(fail_everywhere, an_error_that_no_failure_explains_fails) {
    const auto body = []() -> bide::coro<void> {
        co_await bide::sleep(1s);
        throw std::runtime_error("always");
    };
    EXPECT_TRUE(has(thrown<test_failure>([&] { return fail_everywhere(body); }), "always"));
}

}  // namespace

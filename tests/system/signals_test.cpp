// bide/tests: tasks that wait for signals, and programs that end gracefully on one.
#include <bide/signals.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

#include "support/async_test.hpp"
#include "support/outcome.hpp"
#include "support/until.hpp"

using namespace std::chrono_literals;

using bide_test::outcome;

namespace {

void send(int number) { ::kill(::getpid(), number); }

bool has_default_action(int number) {
    struct sigaction present{};
    ::sigaction(number, nullptr, &present);
    return present.sa_handler == SIG_DFL;
}

// Says that it runs, runs until it is cancelled, and says that; `clean_up` is how long that takes.
bide::coro<void> serve(std::string& log, std::chrono::milliseconds clean_up = 0ms) {
    std::exception_ptr error;
    log = "runs, ";
    try {
        co_await bide::sleep(24h);
    } catch (const bide::cancelled_error& e) {
        log += e.message();
        error = std::current_exception();
    }
    co_await bide::sleep(clean_up);
    log += " cleaned up";
    if (error) std::rethrow_exception(error);
}

// A real signal arrives in real time, so nothing else may wake the loop.
bide::testing::test_options real_time() { return bide::testing::test_options().real_time(); }

}  // namespace

BIDE_TEST(wait_for_signal, gives_the_signal_that_came) {
    auto reload = bide::create_task(bide::wait_for_signal(SIGHUP, SIGUSR1));
    send(SIGUSR1);
    const int number = co_await reload;
    EXPECT_EQ(number, SIGUSR1);
    EXPECT_TRUE(has_default_action(SIGUSR1));
    EXPECT_TRUE(has_default_action(SIGHUP));
}

BIDE_TEST(wait_for_signal, counts_from_the_call_and_not_from_the_await) {
    auto wait = bide::wait_for_signal(SIGUSR1);
    send(SIGUSR1);
    const int number = co_await std::move(wait);
    EXPECT_EQ(number, SIGUSR1);
}

BIDE_TEST(wait_for_signal, every_task_that_waits_gets_it) {
    auto first = bide::create_task(bide::wait_for_signal(SIGUSR1));
    auto second = bide::create_task(bide::wait_for_signal(SIGUSR1, SIGUSR2));
    auto third = bide::create_task(bide::wait_for_signal(SIGUSR2));
    co_await bide::sleep(0s);
    send(SIGUSR1);
    co_await first;
    co_await second;
    EXPECT_FALSE(third.done());
    EXPECT_FALSE(has_default_action(SIGUSR2));
    third.cancel();
    const auto text = co_await outcome(third);
    EXPECT_EQ(text, "cancelled");
    EXPECT_TRUE(has_default_action(SIGUSR2));
}

BIDE_TEST(wait_for_signal, a_signal_that_cannot_be_caught_is_an_error_and_leaves_the_others_alone) {
    EXPECT_THROW(static_cast<void>(bide::wait_for_signal(SIGUSR1, SIGKILL)), std::invalid_argument);
    EXPECT_TRUE(has_default_action(SIGUSR1));
    co_return;
}

TEST(wait_for_signal, needs_a_loop) {
    EXPECT_THROW(static_cast<void>(bide::wait_for_signal(SIGUSR1)), bide::invalid_state_error);
}

TEST(wait_for_signal, cancelled_in_every_turn_the_signal_has_its_default_action) {
    bide::testing::cancel_everywhere(
        []() -> bide::coro<void> {
            auto wait = bide::wait_for_signal(SIGUSR1);
            send(SIGUSR1);
            co_await std::move(wait);
        },
        [](std::uint64_t turn) { EXPECT_TRUE(has_default_action(SIGUSR1)) << "turn " << turn; });
}

TEST(wait_for_signal, closing_the_loop_ends_it) {
    testing::internal::CaptureStderr();
    {
        bide::event_loop loop;
        const auto body = []() -> bide::coro<void> { co_await bide::wait_for_signal(SIGUSR1); };
        const auto task = create_task(loop, body());
        loop.call_soon([&] { loop.call_soon([&] { loop.stop(); }); });
        loop.run_forever();
        EXPECT_FALSE(has_default_action(SIGUSR1));
    }
    testing::internal::GetCapturedStderr();
    EXPECT_TRUE(has_default_action(SIGUSR1));
}

BIDE_TEST(wait_for_signal, what_the_program_had_set_for_the_signal_is_put_back) {
    struct sigaction own{};
    own.sa_handler = SIG_IGN;
    own.sa_flags = SA_NODEFER;
    struct sigaction before{};
    ::sigaction(SIGUSR1, &own, &before);
    auto wait = bide::create_task(bide::wait_for_signal(SIGUSR1));
    send(SIGUSR1);
    co_await wait;
    struct sigaction after{};
    ::sigaction(SIGUSR1, &before, &after);
    EXPECT_EQ(after.sa_handler, SIG_IGN);
    EXPECT_EQ(after.sa_flags & SA_NODEFER, SA_NODEFER);
}

// [signals]
BIDE_TEST(signals, give_each_signal_as_it_comes) {
    std::string seen;
    auto changes = bide::signals(SIGUSR1, SIGUSR2);
    ::kill(::getpid(), SIGUSR2);
    while (auto number = co_await changes.next()) {
        seen += *number == SIGUSR1 ? "one " : "two ";
        if (*number == SIGUSR1) break;
        ::kill(::getpid(), SIGUSR1);
    }
    EXPECT_EQ(seen, "two one ");
}
// [/signals]

BIDE_TEST(signals, one_that_comes_again_before_it_is_taken_is_one_signal) {
    auto changes = bide::signals(SIGUSR1, SIGUSR2);
    send(SIGUSR1);
    send(SIGUSR1);
    const auto first = co_await changes.next();
    send(SIGUSR2);
    const auto second = co_await changes.next();
    EXPECT_EQ(first, SIGUSR1);
    EXPECT_EQ(second, SIGUSR2);
    co_await changes.close();
    EXPECT_TRUE(has_default_action(SIGUSR1));
}

BIDE_TEST(signals, dropped_before_the_first_one_they_have_their_default_action) {
    {
        auto changes = bide::signals(SIGUSR1);
        EXPECT_FALSE(has_default_action(SIGUSR1));
    }
    EXPECT_TRUE(has_default_action(SIGUSR1));
    co_return;
}

BIDE_TEST_WITH(until_signal, the_first_signal_cancels_the_body_which_may_clean_up, real_time()) {
    std::string log;
    auto program = bide::create_task(bide::until_signal(serve(log, 1ms)));
    co_await bide_test::until([&] { return !log.empty(); });
    send(SIGTERM);
    const int number = co_await program;
    EXPECT_EQ(number, SIGTERM);
    EXPECT_EQ(log, "runs, signal 15 cleaned up");
    EXPECT_TRUE(has_default_action(SIGTERM));
}

// [until]
bide::coro<int> service(std::vector<std::string>& log) {
    const auto body = [&]() -> bide::coro<void> {
        try {
            log.push_back("serves");
            co_await bide::sleep(24h);
        } catch (const bide::cancelled_error& e) {
            log.push_back("ends on " + e.message());  // finish what is begun, close files
            throw;
        }
    };
    const int number = co_await bide::until_signal(body());
    co_return number == 0 ? 0 : 1;
}
// [/until]

BIDE_TEST(until_signal, is_how_a_service_ends) {
    std::vector<std::string> log;
    auto program = bide::create_task(service(log));
    co_await bide_test::until([&] { return !log.empty(); });
    send(SIGINT);
    const int status = co_await program;
    EXPECT_EQ(status, 1);
    EXPECT_EQ(log.back(), "ends on signal 2");
}

BIDE_TEST(until_signal, a_body_that_ends_by_itself_gives_0_or_its_failure) {
    const int number = co_await bide::until_signal([]() -> bide::coro<void> { co_return; }());
    EXPECT_EQ(number, 0);
    const auto text = co_await outcome(bide::until_signal([]() -> bide::coro<void> {
        co_await bide::sleep(0s);
        throw std::runtime_error("disk full");
    }()));
    EXPECT_EQ(text, "disk full");
}

BIDE_TEST(until_signal, being_cancelled_cancels_the_body) {
    std::string log;
    auto program = bide::create_task(bide::until_signal(serve(log), SIGUSR1));
    co_await bide_test::until([&] { return !log.empty(); });
    program.cancel("enough");
    const auto text = co_await outcome(program);
    EXPECT_EQ(text, "cancelled");
    EXPECT_EQ(log, "runs, enough cleaned up");
}

// Its frame lives to the end of the full expression; what it does at a signal must not.
BIDE_TEST(until_signal, listens_only_until_its_result_is_there) {
    const auto nothing = []() -> bide::coro<void> { co_return; };
    const bool unheard =
        (co_await bide::until_signal(nothing(), SIGUSR1)) == 0 && has_default_action(SIGUSR1);
    EXPECT_TRUE(unheard);
    const auto arrived = [](bide::coro<int> wait) {
        send(SIGUSR1);
        return wait;
    };
    const bool unheard_again =
        (co_await arrived(bide::wait_for_signal(SIGUSR1))) == SIGUSR1 && has_default_action(SIGUSR1);
    EXPECT_TRUE(unheard_again);
}

TEST(until_signal, the_second_signal_ends_the_loop_at_once) {
    std::string log;
    int code = 0;
    bool third_is_default = false;
    try {
        bide::run([](std::string& to, bool& is_default) -> bide::coro<void> {
            auto watch = [](const std::string& text, bool& value) -> bide::coro<void> {
                bool& seen = value;
                co_await bide_test::until([&] { return text == "runs, "; });
                send(SIGUSR1);
                co_await bide_test::until([&] { return text == "runs, signal 10"; });
                send(SIGUSR1);
                try {
                    co_await bide::sleep(1h);
                } catch (const bide::cancelled_error&) {
                    seen = has_default_action(SIGUSR1);
                    throw;
                }
            };
            auto watcher = bide::create_task(watch(to, is_default));
            co_await bide::until_signal(serve(to, 1h), SIGUSR1);
        }(log, third_is_default));
    } catch (const bide::system_exit& e) { code = e.code(); }
    EXPECT_EQ(code, 128 + SIGUSR1);
    EXPECT_EQ(log, "runs, signal 10");  // its clean-up was cut short
    EXPECT_TRUE(third_is_default);
}

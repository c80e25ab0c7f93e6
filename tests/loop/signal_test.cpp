// bide/loop: signal handlers that run in the loop.
#include <bide/loop.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "support/async_test.hpp"
#include "support/expect.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::thrown;

bool has_default_action(int number) {
    struct sigaction present{};
    return ::sigaction(number, nullptr, &present) == 0 && present.sa_handler == SIG_DFL;
}

BIDE_TEST(section17, s85_a_signal_handler_runs_in_the_loop_and_several_signals_are_one_call) {
    bide::event_loop& loop = bide::get_running_loop();
    int calls = 0;
    loop.add_signal_handler(SIGUSR1, [&] { ++calls; });
    ::raise(SIGUSR1);
    ::raise(SIGUSR1);
    EXPECT_EQ(calls, 0);
    co_await bide::sleep(1s);
    EXPECT_EQ(calls, 1);
    ::raise(SIGUSR1);
    co_await bide::sleep(1s);
    EXPECT_EQ(calls, 2);
    EXPECT_TRUE(loop.remove_signal_handler(SIGUSR1));
    EXPECT_FALSE(loop.remove_signal_handler(SIGUSR1));
    EXPECT_TRUE(has_default_action(SIGUSR1));
}

BIDE_TEST(signal, a_new_handler_replaces_the_old_one_also_from_inside) {
    bide::event_loop& loop = bide::get_running_loop();
    std::string log;
    loop.add_signal_handler(SIGUSR1, [&, owned = std::string("first ")] {
        loop.add_signal_handler(SIGUSR1, [&](const char* text) { log += text; }, "second ");
        log += owned;
    });
    ::raise(SIGUSR1);
    co_await bide::sleep(1s);
    ::raise(SIGUSR1);
    co_await bide::sleep(1s);
    EXPECT_EQ(log, "first second ");
    loop.add_signal_handler(SIGUSR1, [&] { log += "third"; });
    ::raise(SIGUSR1);
    loop.add_signal_handler(SIGUSR2, [&] { log += "other"; });
    co_await bide::sleep(1s);
    EXPECT_EQ(log, "first second third");
}

BIDE_TEST(signal, an_exception_of_a_handler_is_reported_and_the_handler_stays) {
    bide::event_loop& loop = bide::get_running_loop();
    std::string reported;
    int calls = 0;
    loop.set_exception_handler([&](bide::event_loop&, const bide::exception_context& context) {
        reported += context.message + "\n";
    });
    loop.add_signal_handler(SIGUSR1, [&] {
        ++calls;
        throw std::runtime_error("in the handler");
    });
    for (int i = 0; i < 2; ++i) {
        ::raise(SIGUSR1);
        co_await bide::sleep(1s);
    }
    loop.set_exception_handler(nullptr);
    loop.remove_signal_handler(SIGUSR1);
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(reported, "Exception in the handler of signal 10\nException in the handler of signal 10\n");
}

TEST(signal, closing_the_loop_restores_the_default_action) {
    {
        bide::event_loop loop;
        loop.add_signal_handler(SIGUSR1, [] {});
        EXPECT_FALSE(has_default_action(SIGUSR1));
    }
    EXPECT_TRUE(has_default_action(SIGUSR1));
    bide::event_loop closed;
    closed.close();
    EXPECT_THROW(closed.add_signal_handler(SIGUSR1, [] {}), bide::invalid_state_error);
    EXPECT_FALSE(closed.remove_signal_handler(SIGUSR1));
}

// One after the other has the signal; what comes in between is for nobody.
TEST(signal, moves_from_loop_to_loop_and_back) {
    bide::event_loop first;
    bide::event_loop second;
    std::string log;
    const auto turn = [](bide::event_loop& loop) {
        loop.call_later(std::chrono::milliseconds(1), [&loop] { loop.stop(); });
        loop.run_forever();
    };
    for (int round = 0; round < 3; ++round) {
        first.add_signal_handler(SIGUSR1, [&] { log += '1'; });
        turn(first);
        ::raise(SIGUSR1);
        turn(first);
        first.remove_signal_handler(SIGUSR1);
        second.add_signal_handler(SIGUSR1, [&] { log += '2'; });
        turn(first);
        turn(second);
        ::raise(SIGUSR1);
        turn(first);
        turn(second);
        second.remove_signal_handler(SIGUSR1);
        turn(first);
        turn(second);
    }
    EXPECT_EQ(log, "121212");
}

TEST(signal, what_cannot_be_handled_is_said) {
    bide::event_loop loop;
    EXPECT_EQ(thrown<std::invalid_argument>([&] { loop.add_signal_handler(SIGKILL, [] {}); }),
              "add_signal_handler: signal 9 cannot be caught");
    EXPECT_EQ(thrown<std::invalid_argument>([&] { loop.add_signal_handler(1000, [] {}); }),
              "add_signal_handler: signal 1000 does not exist");
    bide::event_loop other;
    other.add_signal_handler(SIGUSR1, [] {});
    EXPECT_EQ(thrown<bide::invalid_state_error>([&] { loop.add_signal_handler(SIGUSR1, [] {}); }),
              "add_signal_handler: signal 10 has a handler in another event loop; remove that one first");
}

TEST(signal, ends_a_loop_that_waits_for_nothing_else) {
    const auto wait = []() -> bide::coro<int> {
        auto got = bide::create_future<int>();
        bide::get_running_loop().add_signal_handler(SIGUSR1, [got] { got.set_result(7); });
        ::kill(::getpid(), SIGUSR1);
        co_return co_await got;
    };
    EXPECT_EQ(bide::run(wait()), 7);
}

TEST(signal, the_child_of_a_fork_has_the_default_action) {
    bide::event_loop loop;
    bool called = false;
    loop.add_signal_handler(SIGTERM, [&] { called = true; });
    const pid_t child = ::fork();
    if (child == 0) {
        ::raise(SIGTERM);
        std::_Exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    loop.stop();
    loop.run_forever();
    EXPECT_FALSE(called);
}

}  // namespace

// bide/core: Ctrl-C while run() runs. Each case in a child process, which sends itself SIGINT.
// bide-test: no-shuffle
#include <bide/run.hpp>

#include "support/async_test.hpp"

#include <csignal>
#include <optional>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;

constexpr int killed = 1000;  // plus the signal

// The value of fn() in a child; `killed` + n when signal n ended it.
template <class F>
int in_plain_child(F fn) {
    const pid_t child = ::fork();
    if (child == 0) {
        int code = 99;
        try {
            code = fn();
        } catch (...) { code = 98; }
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : killed + WTERMSIG(status);
}

// ... with the default action for SIGINT.
template <class F>
int in_child(F fn) {
    return in_plain_child([&] {
        std::signal(SIGINT, SIG_DFL);
        return fn();
    });
}

enum how { returned, interrupted, was_cancelled };

template <class Main>
how how_run_ends(Main main) {
    try {
        bide::run(main());
        return returned;
    } catch (const bide::keyboard_interrupt&) { return interrupted; } catch (const bide::cancelled_error&) {
        return was_cancelled;
    }
}

TEST(section17, s84_the_first_interrupt_cancels_the_main_task_and_run_throws_keyboard_interrupt) {
    EXPECT_EQ(in_child([] {
                  bool cleaned_up = false;
                  const auto main = [&]() -> bide::coro<void> {
                      std::raise(SIGINT);
                      std::exception_ptr error;
                      try {
                          co_await bide::sleep(1h);
                      } catch (const bide::cancelled_error&) { error = std::current_exception(); }
                      co_await bide::sleep(0s);
                      cleaned_up = true;
                      if (error) std::rethrow_exception(error);
                  };
                  return how_run_ends(main) == interrupted && cleaned_up ? 0 : 1;
              }),
              0);
}

TEST(section17, s84_swallowed_it_is_lost) {
    EXPECT_EQ(in_child([] {
                  const auto main = []() -> bide::coro<int> {
                      int value = 1;
                      std::raise(SIGINT);
                      try {
                          co_await bide::sleep(1h);
                      } catch (const bide::cancelled_error&) { value = 0; }
                      co_return value;
                  };
                  return bide::run(main());
              }),
              0);
}

TEST(section17, s84_the_second_one_ends_the_loop_at_once) {
    EXPECT_EQ(in_child([] {
                  int cancellations = 0;
                  const auto main = [&]() -> bide::coro<void> {
                      while (cancellations < 2) {
                          std::raise(SIGINT);
                          try {
                              co_await bide::sleep(1h);
                          } catch (const bide::cancelled_error&) { ++cancellations; }
                      }
                  };
                  // The second cancellation is that of run()'s clean-up.
                  return how_run_ends(main) == interrupted && cancellations == 2 ? 0 : 1;
              }),
              0);
}

TEST(section17, s84_cancelled_by_somebody_else_as_well_it_is_a_cancellation) {
    EXPECT_EQ(in_child([] {
                  const auto main = []() -> bide::coro<void> {
                      std::raise(SIGINT);
                      bide::current_task().cancel();
                      co_await bide::sleep(1h);
                      co_await bide::sleep(1h);
                  };
                  return how_run_ends(main) == was_cancelled ? 0 : 1;
              }),
              0);
}

TEST(interrupt, without_an_await_it_is_a_cancel_like_any_other) {
    EXPECT_EQ(in_child([] {
                  const auto main = []() -> bide::coro<void> {
                      std::raise(SIGINT);
                      co_return;  // done before the loop looks
                  };
                  const how ended = how_run_ends(main);
                  return ended == returned || ended == interrupted ? 0 : 1;
              }),
              0);
}

TEST(interrupt, wakes_a_loop_that_sleeps) {
    EXPECT_EQ(in_child([] {
                  std::optional<std::thread> sender;
                  const auto main = [&]() -> bide::coro<void> {
                      sender.emplace([] { ::kill(::getpid(), SIGINT); });
                      co_await bide::sleep(1h);
                  };
                  const how ended = how_run_ends(main);
                  sender->join();
                  return ended == interrupted ? 0 : 1;
              }),
              0);
}

TEST(interrupt, the_count_starts_anew_with_each_run) {
    EXPECT_EQ(in_child([] {
                  bide::runner runner;
                  const auto main = []() -> bide::coro<int> {
                      int cancellations = 0;
                      std::raise(SIGINT);
                      try {
                          co_await bide::sleep(1h);
                      } catch (const bide::cancelled_error&) { ++cancellations; }
                      co_return cancellations;
                  };
                  const int first = runner.run(main());
                  const int second = runner.run(main());
                  return first == 1 && second == 1 ? 0 : 1;
              }),
              0);
}

TEST(interrupt, the_default_action_is_put_back) {
    EXPECT_EQ(in_child([] {
                  const auto main = []() -> bide::coro<void> { co_await bide::sleep(0s); };
                  bide::run(main());
                  return std::signal(SIGINT, SIG_IGN) == SIG_DFL ? 0 : 1;
              }),
              0);
    EXPECT_EQ(in_child([] {
                  const auto main = []() -> bide::coro<void> { co_await bide::sleep(0s); };
                  bide::run(main());
                  std::raise(SIGINT);
                  return 0;
              }),
              killed + SIGINT);
}

volatile std::sig_atomic_t own_handler_called = 0;

TEST(interrupt, a_handler_of_the_program_is_left_alone) {
    EXPECT_EQ(in_child([] {
                  std::signal(SIGINT, [](int) { own_handler_called = 1; });
                  const auto main = []() -> bide::coro<void> {
                      std::raise(SIGINT);
                      co_await bide::sleep(1ms);
                  };
                  return how_run_ends(main) == returned && own_handler_called == 1 ? 0 : 1;
              }),
              0);
}

// While the loop has a handler for SIGINT, that is called; without it, Ctrl-C cancels again.
TEST(interrupt, comes_back_when_a_signal_handler_is_removed) {
    EXPECT_EQ(in_child([] {
                  int calls = 0;
                  const auto main = [&]() -> bide::coro<void> {
                      bide::event_loop& loop = bide::get_running_loop();
                      loop.add_signal_handler(SIGINT, [&] { ++calls; });
                      std::raise(SIGINT);
                      co_await bide::sleep(1ms);
                      loop.remove_signal_handler(SIGINT);
                      std::raise(SIGINT);
                      co_await bide::sleep(1h);
                  };
                  return how_run_ends(main) == interrupted && calls == 1 ? 0 : 1;
              }),
              0);
}

TEST(interrupt, a_signal_handler_that_outlives_the_run_leaves_the_default_action) {
    EXPECT_EQ(in_child([] {
                  const auto main = []() -> bide::coro<void> {
                      bide::get_running_loop().add_signal_handler(SIGINT, [] {});
                      co_return;
                  };
                  bide::run(main());
                  return std::signal(SIGINT, SIG_IGN) == SIG_DFL ? 0 : 1;
              }),
              0);
}

// A library may keep the action that it finds, and put it back when the run is over.
TEST(interrupt, put_back_too_late_it_is_the_default_action) {
    EXPECT_EQ(in_child([] {
                  struct sigaction kept{};
                  const auto main = [&]() -> bide::coro<void> {
                      ::sigaction(SIGINT, nullptr, &kept);
                      co_return;
                  };
                  bide::run(main());
                  ::sigaction(SIGINT, &kept, nullptr);
                  const auto again = []() -> bide::coro<void> {
                      std::raise(SIGINT);
                      co_await bide::sleep(1h);
                  };
                  if (how_run_ends(again) != interrupted) return 1;
                  ::sigaction(SIGINT, &kept, nullptr);
                  std::raise(SIGINT);
                  return 2;
              }),
              killed + SIGINT);
}

TEST(interrupt, only_the_main_thread_takes_it) {
    EXPECT_EQ(in_child([] {
                  bool default_action = false;
                  std::thread([&] {
                      const auto main = [&]() -> bide::coro<void> {
                          struct sigaction present{};
                          ::sigaction(SIGINT, nullptr, &present);
                          default_action = present.sa_handler == SIG_DFL;
                          co_return;
                      };
                      bide::run(main());
                  }).join();
                  return default_action ? 0 : 1;
              }),
              0);
}

// The first two cannot be seen by a loop that is blocked; the third must be able to end the process.
TEST(interrupt, the_third_one_kills_a_program_whose_loop_is_blocked) {
    EXPECT_EQ(in_child([] {
                  const auto main = []() -> bide::coro<void> {
                      for (int i = 0; i < 3; ++i) std::raise(SIGINT);
                      co_await bide::sleep(0s);
                  };
                  bide::run(main());
                  return 0;
              }),
              killed + SIGINT);
}

// The handler is the parent's, and so is what it would count and wake.
TEST(interrupt, the_child_of_a_fork_has_the_default_action) {
    EXPECT_EQ(in_child([] {
                  int ended_by = 0;
                  const auto main = [&]() -> bide::coro<void> {
                      const int ended = in_plain_child([] {
                          std::raise(SIGINT);
                          return 0;
                      });
                      co_await bide::sleep(1ms);
                      ended_by = ended;
                  };
                  return how_run_ends(main) == returned && ended_by == killed + SIGINT ? 0 : 1;
              }),
              0);
}

TEST(interrupt, a_run_in_the_child_of_a_fork_takes_it) {
    EXPECT_EQ(in_child([] {
                  int ended = 0;
                  const auto main = [&]() -> bide::coro<void> {
                      ended = in_plain_child([] {
                          const auto inner = []() -> bide::coro<void> {
                              std::raise(SIGINT);
                              co_await bide::sleep(1h);
                          };
                          if (how_run_ends(inner) != interrupted) return 1;
                          std::raise(SIGINT);
                          return 2;
                      });
                      co_return;
                  };
                  return how_run_ends(main) == returned && ended == killed + SIGINT ? 0 : 1;
              }),
              0);
}

TEST(interrupt, run_until_complete_and_run_forever_leave_it_to_the_program) {
    EXPECT_EQ(in_child([] {
                  bide::event_loop loop;
                  const auto main = []() -> bide::coro<void> {
                      std::raise(SIGINT);
                      co_return;
                  };
                  loop.run_until_complete(main());
                  return 0;
              }),
              killed + SIGINT);
}

}  // namespace

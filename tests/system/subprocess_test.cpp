// bide/tests: start programs, talk to them and await their end.
#include <bide/subprocess.hpp>

#include <bide/detail/base/config.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/until.hpp"
#include "system/children.hpp"

using bide::create_subprocess_exec;
using bide::create_subprocess_shell;
using bide::process;
using bide::subprocess_options;
using bide_test::has;
using bide_test::until;

// [example]
BIDE_TEST(subprocess, gives_what_the_program_prints) {
    auto options = bide::subprocess_options().stdin_pipe().stdout_pipe();
    auto sort = co_await bide::create_subprocess_exec("sort", "-r", options);
    auto [out, err] = co_await sort.communicate("one\ntwo\nthree\n");
    EXPECT_EQ(out, "two\nthree\none\n");
    EXPECT_EQ(sort.returncode(), 0);
}
// [/example]

// [lines]
BIDE_TEST(subprocess, lines_are_read_while_it_runs) {
    auto counter = co_await bide::create_subprocess_shell(
        "for i in 1 2 3; do echo $i; read line; done", bide::subprocess_options().stdin_pipe().stdout_pipe());
    std::string seen;
    while (auto line = co_await counter.stdout_reader().next_line()) {
        seen += *line;
        counter.stdin_writer().write("go on\n");
    }
    const int status = co_await counter.wait();
    EXPECT_EQ(seen, "1\n2\n3\n");
    EXPECT_EQ(status, 0);
}
// [/lines]

BIDE_TEST(subprocess, options_may_be_a_temporary_and_arguments_any_text) {
    const std::string text = "a b";
    const std::string_view view = "c'd";
    auto child = co_await create_subprocess_exec("printf", "%s|%s|%s", text, view, "*",
                                                 subprocess_options{}.stdout_pipe());
    auto [out, err] = co_await child.communicate();
    EXPECT_EQ(out, "a b|c'd|*");
    EXPECT_EQ(err, "");
}

BIDE_TEST(subprocess, arguments_may_be_a_vector) {
    std::vector<std::string> command;
    command.push_back("echo");
    command.push_back("x  y");
    auto child = co_await create_subprocess_exec(command, subprocess_options().stdout_pipe());
    auto [out, err] = co_await child.communicate();
    EXPECT_EQ(out, "x  y\n");
}

BIDE_TEST(subprocess, exit_status_and_signal_are_the_returncode) {
    auto fails = co_await create_subprocess_exec("sh", "-c", "exit 42");
    EXPECT_FALSE(fails.returncode());
    const int status = co_await fails.wait();
    EXPECT_EQ(status, 42);
    EXPECT_EQ(fails.returncode(), 42);
    auto dies = co_await create_subprocess_shell("kill -9 $$");
    const int killed = co_await dies.wait();
    EXPECT_EQ(killed, -SIGKILL);
}

BIDE_TEST(subprocess, its_end_is_noticed_though_nobody_waits) {
    auto child = co_await create_subprocess_exec("true");
    co_await until([&] { return child.returncode().has_value(); });
    EXPECT_EQ(child.returncode(), 0);
    EXPECT_FALSE(bide_test::exists(child.pid()));
}

BIDE_TEST(subprocess, terminate_kill_and_send_signal) {
    auto first = co_await create_subprocess_exec("sleep", "1000");
    auto second = co_await create_subprocess_exec("sleep", "1000");
    auto third = co_await create_subprocess_exec("sleep", "1000");
    first.terminate();
    second.kill();
    third.send_signal(SIGUSR1);
    const int terminated = co_await first.wait();
    const int killed = co_await second.wait();
    const int signalled = co_await third.wait();
    EXPECT_EQ(terminated, -SIGTERM);
    EXPECT_EQ(killed, -SIGKILL);
    EXPECT_EQ(signalled, -SIGUSR1);
}

BIDE_TEST(subprocess, a_signal_to_one_that_is_gone_is_an_error_and_so_is_one_that_does_not_exist) {
    auto child = co_await create_subprocess_exec("sleep", "1000");
    const auto wrong = bide_test::thrown<std::system_error>([&] {
        child.send_signal(1000);
        return 0;
    });
    EXPECT_TRUE(has(wrong, "send signal 1000 to process", "Invalid argument"));
    child.kill();
    co_await child.wait();
    const auto gone = bide_test::thrown<std::system_error>([&] {
        child.kill();
        return 0;
    });
    EXPECT_TRUE(has(gone, "send signal 9 to process", "No such process"));
}

BIDE_TEST(subprocess, one_that_has_just_ended_may_be_signalled) {
    auto child = co_await create_subprocess_exec("true");
    while (bide_test::state_of(child.pid()) != 'Z') {}  // ended, and the loop had no turn to notice
    child.kill();
    const int status = co_await child.wait();
    EXPECT_EQ(status, 0);
}

BIDE_TEST(subprocess, devnull_and_merged_outputs) {
    const auto silent = subprocess_options().stdin_devnull().stdout_devnull().stderr_devnull();
    auto quiet = co_await create_subprocess_shell("cat; echo lost; echo lost >&2", silent);
    const int status = co_await quiet.wait();
    EXPECT_EQ(status, 0);
    const auto merged = subprocess_options().stdout_pipe().stderr_to_stdout();
    auto both = co_await create_subprocess_shell("echo one; echo two >&2; echo three", merged);
    auto [out, err] = co_await both.communicate();
    EXPECT_EQ(out, "one\ntwo\nthree\n");
    EXPECT_EQ(err, "");
}

BIDE_TEST(subprocess, a_stream_that_is_no_pipe_says_so) {
    auto child = co_await create_subprocess_exec("true");
    const auto text =
        bide_test::thrown<bide::invalid_state_error>([&] { return child.stderr_reader().at_eof(); });
    EXPECT_TRUE(has(text, "stderr is no pipe", "stderr_pipe()"));
    const auto input = co_await bide_test::outcome(child.communicate());
    EXPECT_EQ(input, "value");
    const auto refused = co_await bide_test::outcome(child.communicate("x"));
    EXPECT_TRUE(has(refused, "communicate", "stdin is no pipe"));
}

BIDE_TEST(subprocess, a_handle_that_was_moved_from_says_so) {
    auto child = co_await create_subprocess_exec("true");
    const process moved = std::move(child);
    const auto text = bide_test::thrown<bide::invalid_state_error>([&] { return child.pid(); });
    EXPECT_TRUE(has(text, "moved from"));
    EXPECT_THROW(static_cast<void>(child.wait()), bide::invalid_state_error);
    co_await moved.wait();
}

BIDE_TEST(subprocess, many_run_at_once) {
    std::vector<process> children;
    for (int i = 0; i < 20; ++i) {
        process each = co_await create_subprocess_exec("sh", "-c", "exit " + std::to_string(i));
        children.push_back(std::move(each));
    }
    for (int i = 0; i < 20; ++i) {
        const int status = co_await children[static_cast<std::size_t>(i)].wait();
        EXPECT_EQ(status, i);
    }
}

BIDE_TEST(subprocess, several_tasks_wait_for_one) {
    auto child = co_await create_subprocess_exec("sleep", "1000");
    auto first = bide::create_task(child.wait());
    auto second = bide::create_task(child.wait_exited());
    co_await bide::sleep(std::chrono::seconds(0));
    first.cancel();
    co_await bide::sleep(std::chrono::seconds(0));
    child.kill();
    const int status = co_await second;
    EXPECT_EQ(status, -SIGKILL);
    EXPECT_TRUE(first.cancelled());
}

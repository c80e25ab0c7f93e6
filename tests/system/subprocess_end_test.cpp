// bide/tests: the end of processes, in every order of exit, closed pipes, cancellation and dropped handles.
#include <bide/subprocess.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/until.hpp"
#include "system/child_process.hpp"
#include "system/children.hpp"

using namespace std::chrono_literals;

using bide::create_subprocess_exec;
using bide::create_subprocess_shell;
using bide::process;
using bide::subprocess_options;
using bide_test::childless;
using bide_test::exists;
using bide_test::outcome;
using bide_test::until;

namespace {

subprocess_options piped() { return subprocess_options().stdin_pipe().stdout_pipe().stderr_pipe(); }
bide::testing::test_options real_time() { return bide::testing::test_options().real_time(); }

bide::coro<void> reaped(int pid) {
    const int which = pid;
    co_await until([which] { return !exists(which); });
}

}  // namespace

// Statement 86.
BIDE_TEST(section17, s86_children_of_other_code_are_not_reaped) {
    const int other = ::fork();
    if (other == 0) ::_exit(7);
    auto child = co_await create_subprocess_exec("true");
    co_await child.wait();
    int status = 0;
    EXPECT_EQ(::waitpid(other, &status, 0), other);
    EXPECT_EQ(WEXITSTATUS(status), 7);
}

BIDE_TEST(section17, s86_a_child_that_other_code_has_reaped_gives_255) {
    auto child = co_await create_subprocess_exec("false");
    EXPECT_EQ(::waitpid(child.pid(), nullptr, 0), child.pid());
    const int status = co_await child.wait();
    EXPECT_EQ(status, 255);
}

BIDE_TEST(section17, s86_there_is_no_handler_for_sigchld) {
    auto child = co_await create_subprocess_exec("true");
    struct sigaction present{};
    ::sigaction(SIGCHLD, nullptr, &present);
    EXPECT_EQ(present.sa_handler, SIG_DFL);
    co_await child.wait();
}

// Statement 87. The grandchild waits until its own input ends.
BIDE_TEST(section17, s87_wait_waits_for_exit_and_for_the_pipes_that_a_grandchild_holds) {
    int gate[2];
    EXPECT_EQ(::pipe(gate), 0);
    const auto options = subprocess_options().stdout_pipe().pass_fd(gate[0], 9);
    ::fcntl(gate[1], F_SETFD, FD_CLOEXEC);
    auto child = co_await create_subprocess_shell("cat <&9 & exit 3", options);
    auto wait = bide::create_task(child.wait(), bide::task_options().eager_start());
    co_await until([&] { return child.returncode().has_value(); });
    EXPECT_EQ(child.returncode(), 3);
    for (int turn = 0; turn < 100; ++turn) co_await bide::sleep(0s);
    EXPECT_FALSE(wait.done());
    const int exited = co_await child.wait_exited();
    EXPECT_EQ(exited, 3);
    const int at_once = co_await child.wait();  // its code is known
    EXPECT_EQ(at_once, 3);
    EXPECT_NO_THROW(child.kill());  // its pipes are open
    ::close(gate[1]);
    ::close(gate[0]);
    const int status = co_await wait;
    EXPECT_EQ(status, 3);
    EXPECT_THROW(child.kill(), std::system_error);
}

BIDE_TEST(section17, s87_output_that_nobody_has_read_does_not_delay_the_wait) {
    auto child = co_await create_subprocess_exec("echo", "text", subprocess_options().stdout_pipe());
    const int status = co_await child.wait();
    const int closed = co_await child.wait_closed();
    const std::string out = co_await child.stdout_reader().read();
    EXPECT_EQ(status, 0);
    EXPECT_EQ(closed, 0);
    EXPECT_EQ(out, "text\n");
}

// Statement 88.
BIDE_TEST(section17, s88_communicate_feeds_and_reads_both_outputs_at_the_same_time) {
    const std::string input(3'000'000, 'x');
    auto child = co_await create_subprocess_shell("tee /dev/stderr", piped());
    auto [out, err] = co_await child.communicate(input);
    EXPECT_EQ(out, input);
    EXPECT_EQ(err, input);
}

BIDE_TEST(section17, s88_communicate_ignores_a_child_that_does_not_read) {
    auto child = co_await create_subprocess_shell("exec 0<&-; echo done", piped());
    auto [out, err] = co_await child.communicate(std::string(3'000'000, 'x'));
    EXPECT_EQ(out, "done\n");
    EXPECT_EQ(child.returncode(), 0);
}

BIDE_TEST(section17, s88_communicate_closes_the_input_also_without_any) {
    auto child = co_await create_subprocess_exec("cat", piped());
    auto [out, err] = co_await child.communicate();
    EXPECT_EQ(out, "");
    EXPECT_EQ(child.returncode(), 0);
}

// Statement 89.
BIDE_TEST(section17, s89_dropping_a_running_process_kills_and_reaps_it) {
    int pid = 0;
    {
        const process child = co_await create_subprocess_exec("sleep", "1000", piped());
        pid = child.pid();
        EXPECT_TRUE(exists(pid));
    }
    co_await reaped(pid);
    EXPECT_TRUE(childless());
}

BIDE_TEST(subprocess_end, assigning_another_one_kills_the_first) {
    process child = co_await create_subprocess_exec("sleep", "1000");
    const int pid = child.pid();
    process other = co_await create_subprocess_exec("true");
    child = std::move(other);
    co_await reaped(pid);
    const int status = co_await child.wait();
    EXPECT_EQ(status, 0);
}

BIDE_TEST(subprocess_end, dropped_while_a_task_waits) {
    auto child = std::make_unique<process>(co_await create_subprocess_exec("sleep", "1000", piped()));
    auto wait = bide::create_task(child->wait());
    auto talk = bide::create_task(child->communicate("input"));
    co_await bide::sleep(0s);
    child.reset();
    const int status = co_await wait;
    EXPECT_EQ(status, -SIGKILL);
    co_await talk;
    EXPECT_TRUE(childless());
}

TEST(subprocess_end, closing_the_loop_kills_and_reaps_what_runs) {
    int pid = 0;
    bide::testing::run_test([&]() -> bide::coro<void> {
        const process child = co_await create_subprocess_exec("sleep", "1000", piped());
        pid = child.pid();
    });
    EXPECT_FALSE(exists(pid));
}

TEST(subprocess_end, a_handle_may_outlive_its_loop) {
    std::unique_ptr<process> child;
    bide::run([](std::unique_ptr<process>& kept) -> bide::coro<void> {
        kept = std::make_unique<process>(co_await create_subprocess_exec("sleep", "1000", piped()));
    }(child));
    EXPECT_FALSE(exists(child->pid()));
    EXPECT_EQ(child->returncode(), -SIGKILL);
    child.reset();
    EXPECT_TRUE(childless());
}

// What the parent's loop keeps must not be ended by a copy of it.
TEST(subprocess_end, a_forked_child_kills_nothing) {
    bide::testing::run_test([]() -> bide::coro<void> {
        auto child = std::make_unique<process>(co_await create_subprocess_exec("sleep", "1000"));
        const int forked = ::fork();
        if (forked == 0) {
            child.reset();
            ::_exit(0);
        }
        int status = 0;
        EXPECT_EQ(::waitpid(forked, &status, 0), forked);
        EXPECT_EQ(status, 0);
        EXPECT_NE(bide_test::state_of(child->pid()), 'Z');
        child->terminate();
        const int code = co_await child->wait();
        EXPECT_EQ(code, -SIGTERM);
    });
}

BIDE_TEST_WITH(subprocess_end, communicate_may_be_cancelled_and_continued, real_time()) {
    auto child = co_await create_subprocess_shell("echo first; cat; echo last >&2", piped());
    auto talk = bide::create_task(child.communicate());
    talk.cancel();
    const auto cancelled = co_await outcome(talk);
    EXPECT_EQ(cancelled, "cancelled");
    EXPECT_FALSE(child.returncode());
    const auto late = co_await outcome(bide::wait_for(child.stdout_reader().readexactly(100), 100ms));
    EXPECT_EQ(late, "timeout");
    auto [out, err] = co_await child.communicate("input\n");
    EXPECT_EQ(out, "first\ninput\n");
    EXPECT_EQ(err, "last\n");
}

namespace {

// [timeout]
bide::coro<std::string> output_of(std::string line) {
    auto shell = co_await bide::create_subprocess_shell(line, bide::subprocess_options().stdout_pipe());
    auto [out, err] = co_await shell.communicate();
    co_return out;
}

bide::coro<std::string> short_output_of(std::string line) {
    std::string out = "took too long";
    try {
        out = co_await bide::wait_for(output_of(line), 100ms);
    } catch (const bide::timeout_error&) {}
    co_return out;
}
// [/timeout]

// [stop]
bide::coro<int> stop(const bide::process& child) {
    child.terminate();
    const auto status = co_await bide::as_result(bide::wait_for(child.wait(), 100ms));
    if (status) co_return *status;
    child.kill();
    const int killed = co_await child.wait();
    co_return killed;
}
// [/stop]

}  // namespace

BIDE_TEST_WITH(subprocess_end, a_timeout_kills_what_it_leaves, real_time()) {
    const std::string out = co_await short_output_of("exec sleep 1000");
    EXPECT_EQ(out, "took too long");
    while (!childless()) co_await bide::sleep(1ms);
}

BIDE_TEST_WITH(subprocess_end, one_that_does_not_end_when_asked_is_killed, real_time()) {
    auto willing = co_await create_subprocess_exec("sleep", "1000");
    const int terminated = co_await stop(willing);
    EXPECT_EQ(terminated, -SIGTERM);
    auto stubborn = co_await create_subprocess_shell("trap '' TERM; echo ready; while :; do read x; done",
                                                     subprocess_options().stdin_pipe().stdout_pipe());
    co_await stubborn.stdout_reader().readline();
    const int killed = co_await stop(stubborn);
    EXPECT_EQ(killed, -SIGKILL);
}

BIDE_TEST(subprocess_end, killed_by_somebody_else) {
    auto child = co_await create_subprocess_exec("cat", piped());
    ::kill(child.pid(), SIGKILL);
    auto [out, err] = co_await child.communicate(std::string(1'000'000, 'x'));
    EXPECT_EQ(child.returncode(), -SIGKILL);
    EXPECT_LE(out.size(), 1'000'000U);
}

// A pipe whose reader vanishes while much waits to be written.
BIDE_TEST(subprocess_end, a_child_that_stops_reading_ends_the_writes) {
    auto child = co_await create_subprocess_exec("head", "-c", "1", piped());
    const auto& writer = child.stdin_writer();
    writer.write(std::string(8'000'000, 'x'));  // more than the largest pipe holds
    const auto drained = co_await outcome(writer.wait_closed());
    EXPECT_TRUE(bide_test::has(drained, "Broken pipe"));
    auto [out, err] = co_await child.communicate();
    EXPECT_EQ(out, "x");
    EXPECT_EQ(child.returncode(), 0);
}

// As on a kernel without process descriptors.
BIDE_TEST(subprocess_end, a_worker_thread_waits_where_there_is_no_pidfd) {
    static bide::detail::ring_link children;
    const auto start = [](std::vector<std::string> arguments) {
        const bide::detail::child_settings settings;
        const std::vector<bide::detail::descriptor_place> none;
        auto& loop = bide::get_running_loop().core();
        bide::detail::child_ref child(new bide::detail::child_process(loop));
        child->begin(children, bide::detail::spawn({.call = "test",
                                                    .arguments = arguments,
                                                    .settings = settings,
                                                    .descriptors = none,
                                                    .wants_pidfd = false}));
        return process(std::move(child));
    };
    auto fails = start({"sh", "-c", "exit 9"});
    const int status = co_await fails.wait();
    EXPECT_EQ(status, 9);
    auto sleeps = start({"sleep", "1000"});
    sleeps.terminate();
    const int killed = co_await sleeps.wait();
    EXPECT_EQ(killed, -SIGTERM);
}

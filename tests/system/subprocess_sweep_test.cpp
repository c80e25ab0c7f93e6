// bide/tests: subprocesses that are cancelled, or whose operations fail, at every point; many of them, and much data.
#include <bide/subprocess.hpp>

#include <bide/detail/base/config.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "support/async_test.hpp"
#include "support/outcome.hpp"
#include "system/children.hpp"

using bide::create_subprocess_exec;
using bide::create_subprocess_shell;
using bide::process;
using bide::subprocess_options;
using bide_test::childless;

namespace {

constexpr bool slow_build = BIDE_ASAN != 0 || BIDE_TSAN != 0;

subprocess_options piped() { return subprocess_options().stdin_pipe().stdout_pipe().stderr_pipe(); }

bide::coro<void> talk() {
    auto child = co_await create_subprocess_shell("tee /dev/stderr", piped());
    auto [out, err] = co_await child.communicate(std::string(300'000, 'x'));
    EXPECT_EQ(out.size(), 300'000U);
    EXPECT_EQ(err.size(), 300'000U);
}

bide::coro<void> wait_for_several() {
    std::vector<process> children;
    for (int i = 0; i < 3; ++i) {
        process each = co_await create_subprocess_exec("cat", piped());
        children.push_back(std::move(each));
    }
    for (const process& each : children) each.stdin_writer().close();
    for (const process& each : children) co_await each.wait();
}

bide::coro<void> read_lines() {
    auto child = co_await create_subprocess_shell("echo one; echo two; read line; echo $line", piped());
    int lines = 0;
    while (auto line = co_await child.stdout_reader().next_line()) {
        if (++lines == 2) child.stdin_writer().write("three\n");
    }
    EXPECT_EQ(lines, 3);
    const int status = co_await child.wait();
    EXPECT_EQ(status, 0);
}

bide::coro<void> type_into_a_terminal() {
    auto child = co_await create_subprocess_exec("cat", subprocess_options().terminal());
    auto [out, err] = co_await child.communicate("hello\n");
    EXPECT_TRUE(out.ends_with("hello\r\n"));
}

// One is dropped while it runs and while somebody reads from it.
bide::coro<void> drop_one_that_runs() {
    auto child = co_await create_subprocess_shell("echo ready; exec sleep 1000", piped());
    const std::string line = co_await child.stdout_reader().readline();
    EXPECT_EQ(line, "ready\n");
    auto other = co_await create_subprocess_exec("true");
    child = std::move(other);
    co_await child.wait_closed();
}

}  // namespace

TEST(subprocess_sweep, cancelled_in_every_turn_no_process_is_left) {
    const auto none_left = [](std::uint64_t turn) { EXPECT_TRUE(childless()) << "turn " << turn; };
    bide::testing::cancel_everywhere(talk, none_left);
    bide::testing::cancel_everywhere(wait_for_several, none_left);
    bide::testing::cancel_everywhere(read_lines, none_left);
    bide::testing::cancel_everywhere(type_into_a_terminal, none_left);
    bide::testing::cancel_everywhere(drop_one_that_runs, none_left);
}

TEST(subprocess_sweep, with_every_operation_failing_no_process_is_left) {
    const auto none_left = [](std::uint64_t number) { EXPECT_TRUE(childless()) << "operation " << number; };
    for (const int error : {EIO, EPIPE}) {
        bide::testing::fail_everywhere(wait_for_several, error, none_left);
        bide::testing::fail_everywhere(read_lines, error, none_left);
        bide::testing::fail_everywhere(drop_one_that_runs, error, none_left);
    }
    bide::testing::fail_everywhere(talk, EIO, none_left);
    bide::testing::fail_everywhere(type_into_a_terminal, EIO, none_left);
}

BIDE_TEST(subprocess_sweep, much_data_goes_through_cat) {
    const std::size_t size = slow_build ? std::size_t{64} << 20 : std::size_t{1} << 30;
    std::string input(size, 'x');
    for (std::size_t at = 0; at < size; at += 4096) input[at] = static_cast<char>('a' + at / 4096 % 26);
    auto child = co_await create_subprocess_exec("cat", subprocess_options().stdin_pipe().stdout_pipe());
    auto [out, err] = co_await child.communicate(input);
    EXPECT_TRUE(out == input);
}

// run_test() counts the descriptors.
BIDE_TEST(subprocess_sweep, thousands_one_after_another_leave_nothing) {
    const int count = slow_build ? 300 : 5000;
    for (int i = 0; i < count; ++i) {
        auto child = co_await create_subprocess_exec("true", subprocess_options().stdin_pipe().stdout_pipe());
        const int status = co_await child.wait();
        EXPECT_EQ(status, 0);
    }
    EXPECT_TRUE(childless());
}

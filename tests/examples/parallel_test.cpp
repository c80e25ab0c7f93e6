// bide/tests: the example parallel, as its user sees it.
#include <bide/subprocess.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include <unistd.h>

#include "support/async_test.hpp"

namespace {

// Beside the tests in the build folder.
std::string program() {
    const auto tests = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path();
    return (tests.parent_path() / "examples" / "parallel").string();
}

bide::subprocess_options piped() {
    return bide::subprocess_options().stdin_pipe().stdout_pipe().stderr_pipe();
}

}  // namespace

// The first command can only end when the second one runs.
BIDE_TEST(parallel, commands_run_at_once_and_print_in_order) {
    const std::string fifo =
        std::filesystem::temp_directory_path() / ("bide-parallel-" + std::to_string(::getpid()));
    const std::string commands = "cat " + fifo + "\necho two >&2; echo two > " + fifo + "\necho three\n";
    auto make = co_await bide::create_subprocess_exec("mkfifo", fifo);
    co_await make.wait();
    auto child = co_await bide::create_subprocess_exec(program(), "2", piped());
    auto [out, err] = co_await child.communicate(commands);
    std::filesystem::remove(fifo);
    EXPECT_EQ(out, "two\nthree\n");
    EXPECT_EQ(err, "two\n");
    EXPECT_EQ(child.returncode(), 0);
}

BIDE_TEST(parallel, a_command_that_fails_makes_the_status_123) {
    auto child = co_await bide::create_subprocess_exec(program(), piped());
    auto [out, err] = co_await child.communicate("echo one\nfalse\necho two\n");
    EXPECT_EQ(out, "one\ntwo\n");
    EXPECT_EQ(child.returncode(), 123);
}

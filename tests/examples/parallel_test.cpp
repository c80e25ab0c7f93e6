// bide/tests: the example parallel, as its user sees it.
#include <bide/subprocess.hpp>

#include <gtest/gtest.h>

#include <csignal>
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

// A pipe with a name, in which commands tell the test that they run.
class fifo {
public:
    bide::coro<void> make() {
        auto maker = co_await bide::create_subprocess_exec("mkfifo", path);
        co_await maker.wait();
    }
    ~fifo() { std::filesystem::remove(path); }
    bide::coro<std::string> read() {
        auto cat = co_await bide::create_subprocess_exec("cat", path, piped());
        auto [out, err] = co_await cat.communicate();
        co_return out;
    }
    const std::string path =
        std::filesystem::temp_directory_path() / ("bide-parallel-" + std::to_string(::getpid()));
};

}  // namespace

// The first command can only end when the second one runs.
BIDE_TEST(parallel, commands_run_at_once_and_print_in_order) {
    fifo meeting;
    co_await meeting.make();
    const std::string commands =
        "cat " + meeting.path + "\necho two >&2; echo two > " + meeting.path + "\necho three\n";
    auto child = co_await bide::create_subprocess_exec(program(), "2", piped());
    auto [out, err] = co_await child.communicate(commands);
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

// Outputs wait behind that of the first command, and its turn never comes.
BIDE_TEST(parallel, ctrl_c_ends_it_while_outputs_wait_for_their_turn) {
    fifo meeting;
    co_await meeting.make();
    std::string commands = "exec sleep 1000\n";
    for (int i = 0; i < 20; ++i) commands += "echo waits\n";
    commands += "echo runs > " + meeting.path + "; exec sleep 1000\n";
    auto child = co_await bide::create_subprocess_exec(program(), "2", piped());
    child.stdin_writer().write(commands);
    const std::string last = co_await meeting.read();
    EXPECT_EQ(last, "runs\n");
    child.send_signal(SIGINT);
    auto [out, err] = co_await child.communicate();
    EXPECT_EQ(out, "");
    EXPECT_EQ(err, "");
    EXPECT_EQ(child.returncode(), 130);
}

// Only so many commands run ahead of the one whose turn it is.
BIDE_TEST(parallel, a_slow_command_holds_the_others_up_in_the_end) {
    fifo meeting;
    co_await meeting.make();
    std::string commands = "cat " + meeting.path + " >/dev/null; ls " + meeting.path + ".ran | wc -l\n";
    const std::string folder = meeting.path + ".ran";
    std::filesystem::create_directory(folder);
    for (int i = 0; i < 300; ++i) commands += "touch " + folder + "/$$\n";
    auto child = co_await bide::create_subprocess_exec(program(), "2", piped());
    auto output = bide::create_task(child.communicate(commands));
    const auto ran = [&] {
        return std::distance(std::filesystem::directory_iterator(folder),
                             std::filesystem::directory_iterator());
    };
    while (ran() < 90) co_await bide::sleep(std::chrono::seconds(0));
    auto let_go = co_await bide::create_subprocess_shell("sleep 0.5; echo > " + meeting.path);
    co_await let_go.wait();
    auto [out, err] = co_await output;
    EXPECT_LE(std::stoi(out), 110);
    EXPECT_EQ(ran(), 300);
    EXPECT_EQ(child.returncode(), 0);
    std::filesystem::remove_all(folder);
}

// As xargs: what runs comes to its end, and no further commands are started.
BIDE_TEST(parallel, a_command_that_is_too_long_makes_the_status_1) {
    const std::string commands = "sleep 0.1; echo one\necho " + std::string(200'000, 'x') + "\necho three\n";
    auto child = co_await bide::create_subprocess_exec(program(), "2", piped());
    auto [out, err] = co_await child.communicate(commands);
    EXPECT_EQ(out, "one\n");
    EXPECT_EQ(err, "parallel: argument line too long\n");
    EXPECT_EQ(child.returncode(), 1);
}

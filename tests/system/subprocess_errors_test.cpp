// bide/tests: programs that cannot be started. The error says why, and nothing is left of the child.
#include <bide/subprocess.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "system/children.hpp"

using bide::create_subprocess_exec;
using bide::create_subprocess_shell;
using bide::subprocess_options;
using bide_test::childless;
using bide_test::has;
using bide_test::outcome;

namespace {

subprocess_options piped() { return subprocess_options().stdin_pipe().stdout_pipe().stderr_pipe(); }

// A file that goes with the test.
class script {
public:
    script(const std::string& name, const std::string& text, bool executable)
        : path_(std::filesystem::temp_directory_path() /
                ("bide-" + std::to_string(::getpid()) + "-" + name)) {
        std::ofstream(path_) << text;
        std::filesystem::permissions(path_, executable ? std::filesystem::perms::owner_all
                                                       : std::filesystem::perms::owner_read);
    }
    ~script() { std::filesystem::remove(path_); }
    script(const script&) = delete;
    script& operator=(const script&) = delete;

    [[nodiscard]] std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

}  // namespace

BIDE_TEST(subprocess_errors, a_missing_program) {
    const auto in_path = co_await outcome(create_subprocess_exec("no-such-program", piped()));
    EXPECT_TRUE(has(in_path,
                    "create_subprocess_exec: \"no-such-program\": there is no such program in PATH (",
                    "No such file or directory"));
    const auto by_path = co_await outcome(create_subprocess_exec("/no/such/program", piped()));
    EXPECT_TRUE(has(by_path, "\"/no/such/program\": there is no such program: No such file"));
    const auto command_line = co_await outcome(create_subprocess_exec("ls -l", piped()));
    EXPECT_TRUE(has(command_line, "\"ls -l\": there is no such program; each argument is one of its own",
                    "create_subprocess_shell()"));
    EXPECT_TRUE(childless());
}

BIDE_TEST(subprocess_errors, the_code_tells_the_kind) {
    std::error_code code;
    try {
        auto child = co_await create_subprocess_exec("no-such-program");
    } catch (const std::system_error& e) { code = e.code(); }
    EXPECT_EQ(code, std::errc::no_such_file_or_directory);
}

BIDE_TEST(subprocess_errors, a_missing_folder) {
    const auto text = co_await outcome(create_subprocess_exec("true", piped().cwd("/no/such/folder")));
    EXPECT_TRUE(has(text, "\"true\": change to folder \"/no/such/folder\": No such file"));
    const auto file = co_await outcome(create_subprocess_shell("true", piped().cwd("/etc/passwd")));
    EXPECT_TRUE(has(file, "create_subprocess_shell", "change to folder \"/etc/passwd\": Not a directory"));
    EXPECT_TRUE(childless());
}

BIDE_TEST(subprocess_errors, no_permission) {
    const script plain("plain", "#!/bin/sh\n", false);
    const auto text = co_await outcome(create_subprocess_exec(plain.path()));
    EXPECT_TRUE(has(text, plain.path(), "it may not be executed: Permission denied"));
    const auto folder = co_await outcome(create_subprocess_exec("/tmp"));
    EXPECT_TRUE(has(folder, "\"/tmp\"", "Permission denied"));
    EXPECT_TRUE(childless());
}

BIDE_TEST(subprocess_errors, no_program) {
    const script text_file("text", "just text\n", true);
    const auto text = co_await outcome(create_subprocess_exec(text_file.path()));
    EXPECT_TRUE(has(text, text_file.path(), "must begin with #!", "Exec format error"));
    const script lost("lost", "#!/no/such/interpreter\n", true);
    const auto missing = co_await outcome(create_subprocess_exec(lost.path()));
    EXPECT_TRUE(has(missing, lost.path(), "the interpreter in its first line", "No such file"));
    EXPECT_TRUE(childless());
}

BIDE_TEST(subprocess_errors, arguments_that_no_program_can_be_given) {
    const auto none = co_await outcome(create_subprocess_exec(""));
    EXPECT_TRUE(has(none, "there is no program to run"));
    const auto zero = co_await outcome(create_subprocess_exec("echo", std::string("a\0b", 3)));
    EXPECT_TRUE(has(zero, "\"a...\" has a zero byte"));
    const auto large = co_await outcome(create_subprocess_exec("echo", std::string(10'000'000, 'x')));
    EXPECT_TRUE(has(large, "too large", "Argument list too long"));
    const auto name =
        co_await outcome(create_subprocess_exec("true", subprocess_options().set_env("A=B", "c")));
    EXPECT_TRUE(has(name, "\"A=B=c\" is no environment variable"));
    EXPECT_TRUE(childless());
}

BIDE_TEST(subprocess_errors, zero_bytes_are_named_wherever_they_are) {
    const std::string zero("/tmp\0/x", 7);
    const auto folder = co_await outcome(create_subprocess_exec("true", subprocess_options().cwd(zero)));
    EXPECT_TRUE(has(folder, "folder \"/tmp...\" has a zero byte"));
    const auto file =
        co_await outcome(create_subprocess_exec("true", subprocess_options().executable("/bin/true" + zero)));
    EXPECT_TRUE(has(file, "executable \"/bin/true/tmp...\" has a zero byte"));
    const auto shell = co_await outcome(create_subprocess_shell("true" + zero));
    EXPECT_TRUE(has(shell, "argument \"true/tmp...\" has a zero byte"));
    const auto value =
        co_await outcome(create_subprocess_exec("true", subprocess_options().set_env("A", zero)));
    EXPECT_TRUE(has(value.c_str(), "\"A=/tmp\" is no environment variable", "zero byte"));
    EXPECT_TRUE(childless());
}

BIDE_TEST(subprocess_errors, other_steps_are_named) {
    const auto limit =
        co_await outcome(create_subprocess_exec("true", subprocess_options().resource_limit(-1, 0, 0)));
    EXPECT_TRUE(has(limit, "set its resource limits: Invalid argument"));
    const auto group =
        co_await outcome(create_subprocess_exec("true", subprocess_options().process_group(1)));
    EXPECT_TRUE(has(group, "join process group 1: Operation not permitted"));
    const auto closed = co_await outcome(create_subprocess_exec("true", subprocess_options().stdout_fd(999)));
    EXPECT_TRUE(has(closed, "give it its descriptors: Bad file descriptor"));
    EXPECT_TRUE(childless());
}

BIDE_TEST(subprocess_errors, no_more_descriptors) {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int lowest = ::dup(0);
    ::close(lowest);
    int failures = 0;
    std::string text;
    for (int room = 0; room < 30; ++room) {
        const rlimit few{.rlim_cur = static_cast<rlim_t>(lowest + room), .rlim_max = before.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &few);
        text = co_await outcome(create_subprocess_exec("true", piped()));
        ::setrlimit(RLIMIT_NOFILE, &before);
        if (text == "value") continue;
        ++failures;
        EXPECT_TRUE(has(text, "create_subprocess_exec", "Too many open files"));
    }
    EXPECT_GE(failures, 7);  // six descriptors for the pipes and one for the process
    EXPECT_EQ(text, "value");
}

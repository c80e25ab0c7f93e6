// bide/tests: programs in a terminal of their own.
#include <bide/subprocess.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "system/children.hpp"

using bide::create_subprocess_exec;
using bide::create_subprocess_shell;
using bide::subprocess_options;

BIDE_TEST(subprocess_terminal, a_program_sees_a_terminal_of_the_given_size) {
    // [terminal]
    auto child = co_await bide::create_subprocess_shell("test -t 0 -a -t 1 -a -t 2 && stty size",
                                                        bide::subprocess_options().terminal(33, 99));
    auto [out, err] = co_await child.communicate();
    // [/terminal]
    EXPECT_EQ(out, "33 99\r\n");
    EXPECT_EQ(child.returncode(), 0);
}

BIDE_TEST(subprocess_terminal, what_is_typed_is_shown_and_read_up_to_the_end) {
    auto child = co_await create_subprocess_exec("cat", subprocess_options().terminal());
    auto [out, err] = co_await child.communicate("hello\n");
    EXPECT_EQ(out, "hello\r\nhello\r\n");
    EXPECT_EQ(child.returncode(), 0);
}

// Ctrl-D in the middle of a line is not yet the end.
BIDE_TEST_WITH(subprocess_terminal, input_whose_last_line_has_no_newline_ends_as_well,
               bide::testing::test_options().real_time()) {
    for (const char* const input : {"hello", "one\ntwo", ""}) {
        auto child = co_await create_subprocess_shell("stty -echo; echo ready; cat; echo; echo end",
                                                      subprocess_options().terminal());
        co_await child.stdout_reader().readline();
        auto talk = bide::wait_for(child.communicate(input), std::chrono::seconds(30));
        auto [out, err] = co_await std::move(talk);
        std::string wanted = input;
        if (const auto at = wanted.find('\n'); at != std::string::npos) wanted.replace(at, 1, "\r\n");
        EXPECT_EQ(out, wanted + "\r\nend\r\n");
        EXPECT_EQ(child.returncode(), 0);
    }
}

// Lines that a terminal holds, and more than it holds.
BIDE_TEST(subprocess_terminal, input_that_nobody_reads_is_no_error) {
    for (const int lines : {1, 100, 10'000}) {
        std::string input;
        for (int i = 0; i < lines; ++i) input += "nobody reads this\n";
        auto child = co_await create_subprocess_exec("true", subprocess_options().terminal());
        auto [out, err] = co_await child.communicate(std::move(input));
        EXPECT_EQ(child.returncode(), 0);
    }
}

BIDE_TEST(subprocess_terminal, ctrl_c_reaches_the_program) {
    auto child =
        co_await create_subprocess_shell("echo ready; exec sleep 1000", subprocess_options().terminal());
    const std::string ready = co_await child.stdout_reader().readline();
    child.stdin_writer().write("\x03");
    const int status = co_await child.wait();
    EXPECT_EQ(ready, "ready\r\n");
    EXPECT_EQ(status, -SIGINT);
}

BIDE_TEST(subprocess_terminal, the_window_may_change) {
    auto child = co_await create_subprocess_shell("stty -echo; echo ready; read line; stty size",
                                                  subprocess_options().terminal());
    co_await child.stdout_reader().readline();
    child.resize_terminal(10, 20);
    child.stdin_writer().write("\n");
    const std::string size = co_await child.stdout_reader().readline();
    EXPECT_EQ(size, "10 20\r\n");
    co_await child.wait();
    auto other = co_await create_subprocess_exec("true");
    const auto refused = bide_test::thrown<bide::invalid_state_error>([&] {
        other.resize_terminal(1, 1);
        return 0;
    });
    EXPECT_TRUE(bide_test::has(refused, "resize_terminal", "terminal()"));
    co_await other.wait();
}

BIDE_TEST(subprocess_terminal, dropping_it_kills_what_runs_in_it) {
    int pid = 0;
    {
        auto child = co_await create_subprocess_exec("cat", subprocess_options().terminal());
        pid = child.pid();
    }
    while (bide_test::exists(pid)) co_await bide::sleep(std::chrono::seconds(0));
}

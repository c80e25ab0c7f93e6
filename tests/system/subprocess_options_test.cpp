// bide/tests: what a child process is started with.
#include <bide/subprocess.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

using bide::create_subprocess_exec;
using bide::create_subprocess_shell;
using bide::subprocess_options;
using bide_test::has;

namespace {

bide::coro<std::string> printed_by(std::string line, subprocess_options options) {
    const auto given = options.stdout_pipe();
    auto child = co_await create_subprocess_shell(line, given);
    auto [out, err] = co_await child.communicate();
    co_return out;
}

class open_pipe {
public:
    open_pipe() { EXPECT_EQ(::pipe(ends_), 0); }
    ~open_pipe() {
        close(ends_[0]);
        close(ends_[1]);
    }
    open_pipe(const open_pipe&) = delete;
    open_pipe& operator=(const open_pipe&) = delete;

    [[nodiscard]] int reading() const { return ends_[0]; }
    [[nodiscard]] int writing() const { return ends_[1]; }
    [[nodiscard]] std::string take() const {
        char text[256];
        const auto size = ::read(ends_[0], text, sizeof text);
        return {text, size > 0 ? static_cast<std::size_t>(size) : 0};
    }

private:
    int ends_[2] = {-1, -1};
};

std::string with_descriptor(int fd) { return "/dev/fd/" + std::to_string(fd); }

}  // namespace

BIDE_TEST(subprocess_options, folder_environment_and_umask) {
    // [options]
    auto options =
        bide::subprocess_options().stdout_pipe().cwd("/usr").set_env("GREETING", "hello world").umask(027);
    auto child = co_await bide::create_subprocess_shell("pwd; echo $GREETING; umask", options);
    auto [out, err] = co_await child.communicate();
    // [/options]
    EXPECT_EQ(out, "/usr\nhello world\n0027\n");
}

BIDE_TEST(subprocess_options, the_environment_is_this_ones_or_the_given_one) {
    ::setenv("BIDE_INHERITED", "yes", 1);
    const auto inherited = co_await printed_by("echo $BIDE_INHERITED", {});
    const auto changed =
        co_await printed_by("echo $BIDE_INHERITED $BIDE_MORE",
                            subprocess_options().set_env("BIDE_INHERITED", "no").set_env("BIDE_MORE", "2"));
    std::map<std::string, std::string> only;
    only["ONLY"] = "this";
    const auto replaced = co_await printed_by("echo $BIDE_INHERITED$ONLY", subprocess_options().env(only));
    EXPECT_EQ(inherited, "yes\n");
    EXPECT_EQ(changed, "no 2\n");
    EXPECT_EQ(replaced, "this\n");
    ::unsetenv("BIDE_INHERITED");
}

BIDE_TEST(subprocess_options, a_program_is_looked_up_in_the_path_that_the_child_has) {
    std::map<std::string, std::string> elsewhere;
    elsewhere["PATH"] = "/nowhere";
    const auto missing =
        co_await bide_test::outcome(create_subprocess_exec("true", subprocess_options().env(elsewhere)));
    EXPECT_TRUE(has(missing, "\"true\"", "in PATH (/nowhere)"));
    auto child = co_await create_subprocess_exec("./true", subprocess_options().cwd("/bin").env(elsewhere));
    const int status = co_await child.wait();
    EXPECT_EQ(status, 0);
}

BIDE_TEST(subprocess_options, the_file_may_be_another_than_the_name) {
    auto child = co_await create_subprocess_exec("my-shell", "-c", "echo $0",
                                                 subprocess_options().executable("/bin/sh").stdout_pipe());
    auto [out, err] = co_await child.communicate();
    EXPECT_EQ(out, "my-shell\n");
}

BIDE_TEST(subprocess_options, sessions_and_process_groups) {
    const std::string print = "exec cut -d' ' -f1,5,6 /proc/self/stat";  // pid, group, session
    const auto session = co_await printed_by(print, subprocess_options().start_new_session());
    const auto group = co_await printed_by(print, subprocess_options().process_group());
    std::istringstream in(session + group);
    int pid = 0;
    int group_id = 0;
    int session_id = 0;
    in >> pid >> group_id >> session_id;
    EXPECT_EQ(group_id, pid);
    EXPECT_EQ(session_id, pid);
    in >> pid >> group_id >> session_id;
    EXPECT_EQ(group_id, pid);
    EXPECT_EQ(session_id, ::getsid(0));
}

BIDE_TEST(subprocess_options, only_the_standard_streams_are_inherited) {
    const int leaky = ::open("/dev/null", O_RDONLY);  // not close-on-exec
    auto child = co_await create_subprocess_exec("ls", "/proc/self/fd", subprocess_options().stdout_pipe());
    auto [out, err] = co_await child.communicate();
    ::close(leaky);
    EXPECT_EQ(out, "0\n1\n2\n3\n");  // 3 is the folder
}

BIDE_TEST(subprocess_options, descriptors_are_passed_under_their_own_number_or_another) {
    const open_pipe pipe;
    auto own = co_await create_subprocess_shell("echo own > " + with_descriptor(pipe.writing()),
                                                subprocess_options().pass_fd(pipe.writing()));
    co_await own.wait();
    EXPECT_EQ(pipe.take(), "own\n");
    auto moved =
        co_await create_subprocess_shell("echo moved >&9", subprocess_options().pass_fd(pipe.writing(), 9));
    co_await moved.wait();
    EXPECT_EQ(pipe.take(), "moved\n");
    const auto refused =
        co_await bide_test::outcome(create_subprocess_exec("true", subprocess_options().pass_fd(5, 1)));
    EXPECT_TRUE(has(refused, "pass_fd(5, 1)"));
}

BIDE_TEST(subprocess_options, descriptors_may_change_places) {
    const open_pipe first;
    const open_pipe second;
    const int a = first.writing();
    const int b = second.writing();
    auto child = co_await create_subprocess_shell("echo a > " + with_descriptor(a) + "; echo b > " +
                                                      with_descriptor(b),
                                                  subprocess_options().pass_fd(a, b).pass_fd(b, a));
    co_await child.wait();
    EXPECT_EQ(first.take(), "b\n");
    EXPECT_EQ(second.take(), "a\n");
}

BIDE_TEST(subprocess_options, standard_streams_may_be_given_descriptors) {
    const open_pipe input;
    const open_pipe output;
    EXPECT_EQ(::write(input.writing(), "text\n", 5), 5);
    const auto options =
        subprocess_options().stdin_fd(input.reading()).stdout_fd(output.writing()).stderr_to_stdout();
    auto child = co_await create_subprocess_shell("read line; echo got $line; echo err >&2", options);
    const int status = co_await child.wait();
    EXPECT_EQ(status, 0);
    EXPECT_EQ(output.take(), "got text\nerr\n");
}

BIDE_TEST(subprocess_options, limits) {
    const auto limited =
        co_await printed_by("ulimit -n", subprocess_options().resource_limit(RLIMIT_NOFILE, 17, 17));
    EXPECT_EQ(limited, "17\n");
}

BIDE_TEST(subprocess_options, user_and_groups) {
    auto options = subprocess_options().user(65534).group(65534).extra_groups({});
    if (::geteuid() == 0) {
        const auto ids = co_await printed_by("id -u; id -g; id -G", options);
        EXPECT_EQ(ids, "65534\n65534\n65534\n");
    } else {
        const auto refused = co_await bide_test::outcome(create_subprocess_exec("true", options));
        EXPECT_TRUE(has(refused, "set its groups", "not permitted"));
    }
}

// bide ignores SIGPIPE and SIGXFSZ, and a test may have set more: the child must not notice.
BIDE_TEST(subprocess_options, signals_have_their_default_action_and_none_is_blocked) {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const auto old = std::signal(SIGUSR1, SIG_IGN);
    const std::string print = "exec grep -E 'Sig(Blk|Ign)' /proc/self/status";
    const auto reset = co_await printed_by(print, {});
    const auto kept = co_await printed_by(print, subprocess_options().restore_signals(false));
    const int now_blocked = ::pthread_sigmask(SIG_SETMASK, &before, &blocked);
    std::signal(SIGUSR1, old);
    EXPECT_TRUE(has(reset, "SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000")) << reset;
    EXPECT_TRUE(has(kept, "SigBlk:\t0000000000004000", "SigIgn:\t0000000001001200")) << kept;
    EXPECT_EQ(now_blocked, 0);
    EXPECT_EQ(sigismember(&blocked, SIGTERM), 1);  // the start has put back this thread's mask
    EXPECT_EQ(sigismember(&blocked, SIGINT), 0);
    auto child =
        co_await create_subprocess_shell("kill -PIPE $$; echo survived", subprocess_options().stdout_pipe());
    auto [out, err] = co_await child.communicate();
    EXPECT_EQ(out, "");
    EXPECT_EQ(child.returncode(), -SIGPIPE);
}

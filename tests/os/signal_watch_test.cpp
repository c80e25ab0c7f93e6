// bide/os: what a signal handler writes to is never closed, and used again.
// bide-test: once
#include "os/signal_watch.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <optional>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/fd.hpp"
#include "os/open_descriptors.hpp"

namespace {

using bide::detail::is_open;
using bide::detail::signal_watch;
using bide::detail::unique_fd;

bool is_readable(int fd) {
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&one, 1, 0) == 1;
}

// A handler may have read the number in another thread, and write to it after the watch has ended.
TEST(signal_watch, its_descriptor_is_never_closed_but_used_again) {
    std::optional<signal_watch> watch(std::in_place, SIGUSR1);
    const int fd = watch->fd();
    watch.reset();
    ASSERT_TRUE(is_open(fd));
    const std::uint64_t late = 1;
    EXPECT_EQ(::write(fd, &late, sizeof late), sizeof late);
    const signal_watch other(SIGUSR2);
    EXPECT_NE(other.fd(), fd);
    watch.emplace(SIGUSR1);
    EXPECT_EQ(watch->fd(), fd);
    EXPECT_FALSE(is_readable(fd));  // what came too late is no signal of this watch
    EXPECT_FALSE(watch->clear());
    ::raise(SIGUSR1);
    EXPECT_TRUE(is_readable(fd));
    EXPECT_TRUE(watch->clear());
    EXPECT_FALSE(is_readable(fd));
}

TEST(signal_watch, what_it_keeps_counts_for_no_leak) {
    const auto before = bide::detail::open_descriptors();
    { const signal_watch watch(SIGWINCH); }
    EXPECT_EQ(bide::detail::open_descriptors(), before);
    EXPECT_TRUE(signal_watch::keeps(signal_watch(SIGWINCH).fd()));
    EXPECT_FALSE(signal_watch::keeps(STDIN_FILENO));
}

// The child's own watch does not write to what it shares with the parent.
TEST(signal_watch, a_watch_in_the_child_of_a_fork_has_a_descriptor_of_its_own) {
    const signal_watch watch(SIGUSR1);
    const pid_t child = ::fork();
    if (child == 0) {
        const signal_watch own(SIGUSR1);
        ::raise(SIGUSR1);
        std::_Exit(own.fd() != watch.fd() && is_readable(own.fd()) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    EXPECT_FALSE(is_readable(watch.fd()));
}

}  // namespace

// bide/tests: other processes: who they are, and how to wake them.
#include "os/peer.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <vector>

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/fd.hpp"
#include "os/shared_block.hpp"

namespace {

using bide::detail::process_key;
using bide::detail::unique_fd;
namespace sys = bide::detail::sys;

// Runs fn in a child, which has read nothing about itself yet.
template <class F>
int in_child(F fn) {
    const int id = ::fork();
    if (id == 0) ::_exit(fn());
    int status = -1;
    ::waitpid(id, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(peer, process_that_has_no_descriptor_left_does_not_know_itself_until_it_has) {
    const int code = in_child([] {
        ::rlimit old{};
        ::getrlimit(RLIMIT_NOFILE, &old);
        ::rlimit none = old;
        none.rlim_cur = 0;
        ::setrlimit(RLIMIT_NOFILE, &none);
        if (sys::this_process() != 0 || errno != EMFILE) return 1;
        ::setrlimit(RLIMIT_NOFILE, &old);
        const process_key own = sys::this_process();
        return own != 0 && static_cast<std::uint32_t>(own) != 0 && sys::is_alive(own) ? 0 : 2;
    });
    EXPECT_EQ(code, 0);
}

TEST(peer, unknown_start_time_means_whoever_has_the_id) {
    const process_key parent = sys::this_process();
    const int code = in_child([parent] {
        const process_key unknown = parent >> 32 << 32;
        if (!sys::is_alive(parent) || !sys::is_alive(unknown)) return 1;
        if (sys::is_alive(parent + 1)) return 2;
        const unique_fd watched(sys::open_peer(unknown));
        return watched || sys::open_peer(unknown) == -ENOSYS ? 0 : 3;
    });
    EXPECT_EQ(code, 0);
}

// A bell has room for so many rings that nobody has read; what it says then must not depend on them.
TEST(peer, bell_reaches_a_door_however_many_others_are_full) {
    const unique_fd bell(sys::open_bell());
    std::vector<unique_fd> deaf;
    for (int i = 0; i < 60; ++i) {
        std::uint64_t door = 0;
        deaf.emplace_back(sys::open_door(door));
        for (int ring = 0; ring < 30; ++ring) EXPECT_GE(sys::ring(bell.get(), door), 0);
    }
    std::uint64_t door = 0;
    const unique_fd listening(sys::open_door(door));
    EXPECT_GE(sys::ring(bell.get(), door), 0);
    char byte = 0;
    EXPECT_EQ(::read(listening.get(), &byte, 1), 1);
}

TEST(peer, ring_at_a_door_that_is_gone_says_so) {
    const unique_fd bell(sys::open_bell());
    std::uint64_t door = 0;
    unique_fd(sys::open_door(door)).reset();
    EXPECT_EQ(sys::ring(bell.get(), door), -ECONNREFUSED);
}

TEST(shared_block, is_made_in_spite_of_signals_that_come_faster_than_it_is_filled) {
    const int code = in_child([] {
        struct ::sigaction action{};
        action.sa_handler = [](int) {};
        ::sigaction(SIGALRM, &action, nullptr);
        ::itimerval often{};
        often.it_interval.tv_usec = often.it_value.tv_usec = 4000;
        ::setitimer(ITIMER_REAL, &often, nullptr);
        constexpr std::size_t size = std::size_t{128} << 20;
        const unique_fd made(sys::make_anonymous_block(size));
        return made && sys::block_size(made.get()) == static_cast<std::ptrdiff_t>(size) ? 0 : 1;
    });
    EXPECT_EQ(code, 0);
}

}  // namespace

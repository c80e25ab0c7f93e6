// bide/tests: part of a test in a process of its own.
#pragma once

#include <gtest/gtest.h>

#include <bide/testing/run_test.hpp>

#include <exception>
#include <iostream>
#include <vector>

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bide_test {

/// Runs fn in a child process: what it does to its limits, mounts and rights ends with it. False when an EXPECT failed.
template <class F>
bool passes_in_child(F fn) {
    std::cout << std::flush;
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            fn();
        } catch (const std::exception& e) { ADD_FAILURE() << e.what(); }
        std::cout << std::flush;
        ::_exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

inline constexpr unsigned nobody = 65534;

/// Runs a test's body as somebody without rights: as root in a child process that is nobody's, in these groups too.
template <class F>
bool passes_as_nobody(const std::vector<gid_t>& groups, F body) {
    return passes_in_child([&] {
        if (::geteuid() == 0) {
            EXPECT_EQ(::setgroups(groups.size(), groups.data()), 0);
            EXPECT_EQ(::setresgid(nobody, nobody, nobody), 0);
            EXPECT_EQ(::setresuid(nobody, nobody, nobody), 0);
        }
        bide::testing::run_test(body);
    });
}

}  // namespace bide_test

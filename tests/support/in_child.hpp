// bide/tests: part of a test in a process of its own.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <iostream>

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

}  // namespace bide_test

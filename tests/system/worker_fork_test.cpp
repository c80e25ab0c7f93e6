// bide/tests: functions that fork in a worker process.
#include <bide/process_pool.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include <sys/wait.h>

#include "support/async_test.hpp"
#include "system/pool_functions.hpp"

using namespace pool_tests;

using bide::process_pool;

namespace {

// Both processes come back from it. Gives what the worker's own child ended with.
std::string forks(std::size_t size) {
    const int child = ::fork();
    if (child == 0) return std::string(size, 'c');
    int status = 0;
    ::waitpid(child, &status, 0);
    return std::string(size, WIFEXITED(status) ? static_cast<char>('0' + WEXITSTATUS(status)) : 's');
}
void forks_for_nothing() {
    const int child = ::fork();
    if (child == 0) throw std::runtime_error("in the child");
    ::waitpid(child, nullptr, 0);
}
bool child_has_no_blocks() {
    const int child = ::fork();
    if (child == 0) {
        try {
            const bide::shared_bytes block(10);
        } catch (const bide::invalid_state_error&) { ::_exit(7); }
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status) == 7;
}

}  // namespace

BIDE_TEST(worker_fork, a_child_that_a_function_forks_is_no_worker) {
    process_pool pool(1);
    for (const std::size_t size : {std::size_t{1}, std::size_t{100'000}}) {
        const std::string text = co_await pool.submit<&forks>(size);
        EXPECT_EQ(text, std::string(size, '0'));
    }
    co_await pool.submit<&forks_for_nothing>();
    const bool refused = co_await pool.submit<&child_has_no_blocks>();
    EXPECT_TRUE(refused);
    const int nine = co_await pool.submit<&square>(3);
    EXPECT_EQ(nine, 9);
}

// bide/tests: whether a process that is told to be a worker becomes one. Who may give that order, and what is checked.
#include <bide/process_pool.hpp>
#include <bide/subprocess.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "system/pool_functions.hpp"
#include "system/scratch.hpp"

using bide::subprocess_options;
using bide_test::has;
using system_tests::scratch;

namespace {

constexpr int main_ran = 42;
constexpr const char* asked = "BIDE_WORKER_START_TEST";

// What this program says of itself when it is started as a worker: nothing, but for "main_says_so", the test below.
bide::coro<std::string> started(std::string program, std::string order, subprocess_options how) {
    how.executable(std::move(program)).set_env(asked, "1").set_env("BIDE_WORKER", std::move(order));
    auto child = co_await bide::create_subprocess_exec(
        "worker_start_test", "--gtest_filter=worker_start.main_says_so", std::move(how.stdout_pipe()));
    const auto [text, none] = co_await child.communicate();
    co_return std::to_string(child.returncode().value_or(-1000)) + ": " + text;
}

std::string order_of(int number) { return std::to_string(number) + " " + std::to_string(::getpid()); }

// Whether a set-user-id program has its owner's rights here.
bool rights_are_given(const std::string& folder) {
    struct ::statvfs found{};
    return ::geteuid() == 0 && ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 &&
           ::statvfs(folder.c_str(), &found) == 0 && (found.f_flag & ST_NOSUID) == 0;
}

}  // namespace

BIDE_TEST(worker_start, main_says_so) {
    if (std::getenv(asked) == nullptr) co_return;
    std::string text = "a pool was made";
    try {
        bide::process_pool pool(1);
        const int four = co_await pool.submit<&pool_tests::square>(2);
        EXPECT_EQ(four, 4);
    } catch (const bide::invalid_state_error& error) { text = error.what(); }
    if (std::getenv("BIDE_WORKER") != nullptr) text += " (its variable is still there)";
    std::printf("%s", text.c_str());
    std::fflush(stdout);
    ::_exit(main_ran);
}

BIDE_TEST(worker_start, a_program_with_more_rights_than_its_caller_takes_no_orders) {
    const scratch in;
    if (!rights_are_given(in.path())) co_return;
    const std::string program = in / "program";
    std::filesystem::copy_file("/proc/self/exe", program);
    std::filesystem::permissions(program, std::filesystem::perms(04755));
    std::filesystem::permissions(in.path(), std::filesystem::perms(0755));
    auto nobody = subprocess_options().user(65534).group(65534).extra_groups({});
    const std::string says = co_await started(program, order_of(0), std::move(nobody));
    EXPECT_TRUE(has(says, "42: ", "set-user-id")) << says;
    EXPECT_FALSE(has(says, "still there")) << says;
}

BIDE_TEST(worker_start, memory_that_is_no_pools_is_refused) {
    for (const int size : {0, 4096, 64 << 20}) {
        const int memory = ::memfd_create("no pool", MFD_CLOEXEC);
        EXPECT_EQ(::ftruncate(memory, size), 0);
        auto with_memory = subprocess_options().pass_fd(memory, 3);
        const std::string says = co_await started("/proc/self/exe", order_of(0), std::move(with_memory));
        EXPECT_EQ(says, "1: ") << size;
        ::close(memory);
    }
}

BIDE_TEST(worker_start, what_is_no_order_is_not_obeyed) {
    for (const std::string& order : {std::string("1"), order_of(256), "-" + order_of(1), order_of(0) + "x",
                                     order_of(0) + " 1", std::string("0 0"), std::string()}) {
        const std::string says = co_await started("/proc/self/exe", order, subprocess_options());
        EXPECT_TRUE(has(says, "42: ", "a pool was made")) << order << ": " << says;
    }
}

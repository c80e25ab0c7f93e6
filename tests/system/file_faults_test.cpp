// bide/tests: a device that fails in the middle of a file.
#include <bide/file.hpp>
#include <bide/whole_file.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <string>

#include <sys/syscall.h>
#include <unistd.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "system/scratch.hpp"

namespace {

std::atomic<long> bad_from{-1};  // offset of the first byte that cannot be read; -1: all can

}  // namespace

// In the place of the system's.
extern "C" ssize_t pread(int fd, void* data, std::size_t size, off_t offset) {
    const long bad = bad_from;
    if (bad >= 0 && offset >= bad) {
        errno = EIO;
        return -1;
    }
    if (bad >= 0) size = std::min(size, static_cast<std::size_t>(bad - offset));
    return ::syscall(SYS_pread64, fd, data, size, offset);
}

namespace {

using bide_test::has;
using bide_test::outcome;
using system_tests::make;
using system_tests::scratch;

constexpr std::size_t mib = std::size_t{1} << 20;

}  // namespace

BIDE_TEST(file_faults, what_cannot_be_read_is_no_end_of_the_file) {
    const scratch in;
    const std::string path = make(in / "file", std::string(mib, 'x'));
    bide::file file = co_await bide::open(path, "r");
    bad_from = 5000;
    const std::string whole = co_await outcome(bide::read_file(path));
    EXPECT_TRUE(has(whole, "read '" + path + "'", "Input/output error")) << whole;
    const std::string part = co_await outcome(file.read_at(0, mib));
    EXPECT_TRUE(has(part, "read '" + path + "'", "Input/output error")) << part;
    const std::string rest = co_await outcome(file.read());
    EXPECT_TRUE(has(rest, "read '" + path + "'", "Input/output error")) << rest;
    bad_from = -1;
    const std::string now = co_await bide::read_file(path);
    EXPECT_EQ(now.size(), mib);
    const std::string tail = co_await file.read_at(mib - 10, mib);
    EXPECT_EQ(tail.size(), 10U);
}

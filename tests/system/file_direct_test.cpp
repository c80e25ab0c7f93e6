// bide/system: files past the page cache.
#include <bide/file.hpp>

#include <bide/as_result.hpp>
#include <bide/bide.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "os/fd.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "system/scratch.hpp"

namespace {

using namespace system_tests;
using bide_test::has;

constexpr std::size_t block = bide::aligned_buffer::alignment;

bide::open_options direct() { return bide::open_options().direct(); }

BIDE_TEST(file_direct, reads_and_writes_blocks) {
    const scratch in;
    const std::string path = in / "a";
    bide::file f = co_await bide::open(path, "w+", direct());
    bide::aligned_buffer out(3 * block - 100);
    EXPECT_EQ(out.size(), 3 * block);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(out.data()) % block, 0U);
    std::memset(out.data(), 'x', block);
    std::memset(out.data() + block, 'y', 2 * block);
    std::size_t count = co_await f.write_at(block, out.bytes());
    EXPECT_EQ(count, 3 * block);
    bide::aligned_buffer back(2 * block);
    count = co_await f.read_at(block, back.bytes());
    EXPECT_EQ(count, 2 * block);
    EXPECT_EQ(std::memcmp(back.data(), out.data(), 2 * block), 0);
    count = co_await f.read_at(3 * block, back.bytes());
    EXPECT_EQ(count, block);  // the end of the file
    bide::aligned_buffer moved = std::move(back);
    EXPECT_EQ(moved.size(), 2 * block);
    co_await f.close();
    EXPECT_EQ(content(path).size(), 4 * block);
}

BIDE_TEST(file_direct, has_no_position) {
    const scratch in;
    bide::file f = co_await bide::open(make(in / "a", "x"), "r+", direct());
    std::string text;
    try {
        static_cast<void>(co_await f.read());
    } catch (const bide::invalid_state_error& e) { text = e.what(); }
    EXPECT_TRUE(has(text, "read '", "direct()", "read_at")) << text;
    const auto written = co_await bide::as_result(f.write("x"));
    EXPECT_FALSE(written.has_value());
}

// Most file systems refuse it; one in memory does not mind.
BIDE_TEST(file_direct, reads_into_memory_that_is_not_aligned_as_the_file_system_lets_it) {
    const scratch in;
    const std::string path = make(in / "a", std::string(2 * block, 'x'));
    const bide::detail::unique_fd plain(::open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
    bide::file f = co_await bide::open(path, "r", direct());
    const bide::aligned_buffer room(2 * block);
    const auto odd = room.bytes().subspan(1, block);
    const int expected = ::pread(plain.get(), odd.data(), odd.size(), 0) < 0 ? errno : 0;
    std::memset(odd.data(), 'y', odd.size());
    const auto got = co_await bide::as_result(f.read_at(0, odd));
    EXPECT_TRUE(expected == 0 || expected == EINVAL) << expected;
    EXPECT_EQ(got ? 0 : got.error().value(), expected);
    if (got) {
        EXPECT_EQ(*got, block);
        EXPECT_EQ(static_cast<char>(odd.back()), 'x');
    }
}

bide::coro<void> read_blocks(bide::file& f, std::size_t first, int& done) {
    const bide::aligned_buffer room(block);
    for (std::size_t i = 0; i < 8; ++i) {
        const std::size_t count = co_await f.read_at((first + i * 32) * block, room.bytes());
        EXPECT_EQ(count, block);
        EXPECT_EQ(static_cast<char>(*room.data()), static_cast<char>('a' + (first + i * 32) % 26));
        ++done;
    }
}

BIDE_TEST(file_direct, many_reads_at_a_time) {
    const scratch in;
    std::string text;
    for (std::size_t i = 0; i < 256; ++i) text += std::string(block, static_cast<char>('a' + i % 26));
    bide::file f = co_await bide::open(make(in / "a", text), "r", direct());
    int done = 0;
    co_await bide::with_task_group([&](bide::task_group& group) -> bide::coro<void> {
        for (std::size_t i = 0; i < 32; ++i) group.create_task(read_blocks(f, i, done));
        co_return;
    });
    EXPECT_EQ(done, 256);
}

bide::coro<void> write_and_read(std::string path) {
    bide::file f = co_await bide::open(path, "w+", direct());
    const bide::aligned_buffer room(block);
    std::memset(room.data(), 'x', block);
    co_await f.write_at(0, room.bytes());
    const std::size_t count = co_await f.read_at(0, room.bytes());
    EXPECT_EQ(count, block);
    co_await f.close();
}

TEST(file_direct, survives_cancel_and_failure_everywhere) {
    const scratch in;
    const auto body = [&] { return write_and_read(in / "a"); };
    EXPECT_GT(bide::testing::cancel_everywhere(body), 3U);
    bide::testing::fail_everywhere(body);
}

}  // namespace

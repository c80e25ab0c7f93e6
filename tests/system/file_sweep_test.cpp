// bide/system: files whose task is cancelled at every turn, and whose operations fail one by one.
#include <bide/bide.hpp>

#include <sys/stat.h>

#include <cerrno>

#include "os/open_descriptors.hpp"
#include "support/async_test.hpp"
#include "system/file_core.hpp"

#include "system/scratch.hpp"

namespace {

using namespace system_tests;

// Reads go to the backend, as they do for what is not in the page cache.
void uncached(bide::file& f) { f.core()->inline_reads = false; }

bide::coro<void> read_everything(std::string path) {
    bide::file f = co_await bide::open(path, "r", bide::open_options().buffering(0));
    uncached(f);
    const std::string line = co_await f.readline();
    EXPECT_EQ(line, "first\n");
    co_await f.seek(-4, bide::seek_from::end);
    const std::string end = co_await f.read();
    EXPECT_EQ(end, "end\n");
    const std::string at = co_await f.read_at(0, 5);
    EXPECT_EQ(at, "first");
    const bide::file_status status = co_await f.stat();
    EXPECT_GT(status.size(), 10'000U);
    co_await f.close();
}

bide::coro<void> write_everything(std::string path) {
    bide::file f = co_await bide::open(path, "w+", bide::open_options().buffering(10));
    co_await f.write("12345");
    co_await f.write("67890abcdefghijklmnop");
    co_await f.flush();
    co_await f.seek(5);
    co_await f.write("x");
    co_await f.truncate(8);
    co_await f.fsync();
    co_await f.close();
}

TEST(file_sweep, reading_survives_a_cancel_everywhere) {
    const scratch in;
    const std::string path = make(in / "a", "first\n" + many_lines(500) + "end\n");
    const auto runs = bide::testing::cancel_everywhere([&] { return read_everything(path); });
    EXPECT_GT(runs, 8U);
}

TEST(file_sweep, reading_survives_a_failure_everywhere) {
    const scratch in;
    const std::string path = make(in / "a", "first\n" + many_lines(500) + "end\n");
    const auto runs = bide::testing::fail_everywhere([&] { return read_everything(path); });
    EXPECT_GT(runs, 6U);
}

TEST(file_sweep, writing_survives_a_cancel_everywhere) {
    const scratch in;
    const std::string path = in / "a";
    bide::testing::cancel_everywhere([&] { return write_everything(path); },
                                     [&](std::uint64_t) {
                                         const std::string found = content(path);
                                         const std::string first = "1234567890abcdefghijklmnop";
                                         const std::string then = "12345x7890abcdefghijklmnop";
                                         EXPECT_TRUE(first.starts_with(found) || then.starts_with(found))
                                             << found;
                                     });
}

TEST(file_sweep, writing_survives_a_failure_everywhere) {
    const scratch in;
    const std::string path = in / "a";
    bide::testing::fail_everywhere([&] { return write_everything(path); }, ENOSPC);
    EXPECT_EQ(content(path), "12345x78");  // the last run failed nowhere
}

// Whatever happens to the reader, no byte is lost between two of its reads.
TEST(file_sweep, a_cancelled_read_keeps_its_bytes) {
    const scratch in;
    const std::string text = many_lines(3000);
    const std::string path = make(in / "a", text);
    std::string got;
    bide::testing::cancel_everywhere(
        [&]() -> bide::coro<void> {
            bide::file f = co_await bide::open(path, "r", bide::open_options().buffering(0));
            got.clear();
            uncached(f);
            for (;;) {
                std::string piece;
                bool cancelled = false;
                try {
                    piece = co_await f.read(50'000);
                } catch (const bide::cancelled_error&) { cancelled = true; }
                if (cancelled) {
                    bide::current_task().uncancel();
                    continue;
                }
                if (piece.empty()) break;
                got += piece;
            }
            EXPECT_EQ(got == text, true);
        },
        [](std::uint64_t) {});
}

TEST(file_sweep, copying_survives_cancel_and_failure_everywhere) {
    const scratch in;
    const std::string text(20'000'000, 'x');
    const std::string from = make(in / "from", text);
    const auto copy = [&]() -> bide::coro<void> {
        const std::string to = in / "to";
        co_await bide::copy_file(from, to);
    };
    const auto after = [&](std::uint64_t) { EXPECT_TRUE(text.starts_with(content(in / "to"))); };
    bide::testing::cancel_everywhere(copy, after);
    bide::testing::fail_everywhere(copy, EIO, after);
    EXPECT_EQ(content(in / "to").size(), text.size());
}

bide::coro<void> read_from_fifo(bide::file& from, std::size_t size) {
    std::size_t got = 0;
    while (got < size) {
        const std::string piece = co_await from.read(5'000);
        got += piece.size();
    }
}

// A file without positions: what reads and what writes wait for each other. Opened for both, so that opening waits for nobody.
TEST(file_sweep, a_fifo_survives_cancel_and_failure_everywhere) {
    const scratch in;
    const std::string path = in / "fifo";
    const std::string text(300'000, 'x');
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const auto talk = [&]() -> bide::coro<void> {
        bide::file reader = co_await bide::open(path, "r+");
        bide::file writer = co_await bide::open(path, "r+", bide::open_options().buffering(0));
        const auto both = [&](bide::task_group& group) -> bide::coro<void> {
            group.create_task(writer.write(text));
            group.create_task(read_from_fifo(reader, text.size()));
            co_return;
        };
        co_await bide::with_task_group(both);
    };
    bide::testing::cancel_everywhere(talk);
    bide::testing::fail_everywhere(talk);
}

TEST(file_sweep, closing_a_loop_during_open_and_read_leaves_no_descriptor) {
    const scratch in;
    const std::string path = make(in / "a", "first\n" + many_lines(500) + "end\n");
    bide::run(read_everything(path));  // what is made once is there
    const auto before = bide::detail::open_descriptors();
    for (int turns = 1; turns < 6; ++turns) {
        bide::event_loop loop;
        loop.set_exception_handler([](bide::event_loop&, const bide::exception_context&) {});
        auto left = bide::create_task(loop, read_everything(path));
        for (int i = 0; i < turns; ++i) loop.call_soon([] {});
        loop.call_soon([&] { loop.stop(); });
        loop.run_forever();
        loop.close();
    }
    EXPECT_EQ(bide::detail::open_descriptors(), before);
}

BIDE_TEST(file_sweep, a_reader_of_cached_data_lets_others_run) {
    const scratch in;
    const std::string path = make(in / "a", std::string(64 * 1024, 'x'));
    bide::file f = co_await bide::open(path);
    int turns = 0;
    bool stop = false;
    auto other = bide::create_task([&]() -> bide::coro<void> {
        while (!stop) {
            ++turns;
            co_await bide::sleep(std::chrono::seconds(0));
        }
    });
    std::byte room[4096];
    for (int i = 0; i < 2000; ++i) {
        const std::size_t count = co_await f.read_at(static_cast<std::uint64_t>(i % 16) * 4096, room);
        EXPECT_EQ(count, 4096U);
    }
    stop = true;
    co_await other;
    EXPECT_GE(turns, 4);
}

}  // namespace

// bide/system: write, append, truncate and flush files, and what becomes of what was not written.
#include <bide/file.hpp>

#include <bide/as_result.hpp>
#include <bide/task.hpp>

#include <sys/stat.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "system/scratch.hpp"

namespace {

using namespace std::chrono_literals;
using namespace system_tests;
using bide_test::has;

template <class T>
bide::coro<std::string> failure(bide::coro<T> what) {
    std::string text = "(it did not fail)";
    try {
        co_await std::move(what);
    } catch (const std::exception& e) { text = e.what(); }
    co_return text;
}

// [log]
bide::coro<void> log_lines(std::string path) {
    bide::file file = co_await bide::open(path, "a");
    co_await file.write("started\n");
    co_await file.write("done\n");
    co_await file.close();  // what could not be written is an error here
}
// [/log]

BIDE_TEST(file_write, appends_lines_as_the_page_shows) {
    const scratch in;
    const std::string path = make(in / "log", "before\n");
    co_await log_lines(path);
    EXPECT_EQ(content(path), "before\nstarted\ndone\n");
}

BIDE_TEST(file_write, buffers_small_writes_and_flushes_them) {
    const scratch in;
    const std::string path = in / "a";
    bide::file f = co_await bide::open(path, "w");
    const std::size_t count = co_await f.write("hello ");
    EXPECT_EQ(count, 6U);
    co_await f.write("world");
    EXPECT_EQ(f.tell(), 11U);
    EXPECT_EQ(content(path), "");
    co_await f.flush();
    EXPECT_EQ(content(path), "hello world");
    co_await f.write("!");
    co_await f.close();
    EXPECT_EQ(content(path), "hello world!");
}

BIDE_TEST(file_write, unbuffered_writes_go_at_once) {
    const scratch in;
    const std::string path = in / "a";
    bide::file f = co_await bide::open(path, "w", bide::open_options().buffering(0));
    co_await f.write("hello");
    EXPECT_EQ(content(path), "hello");
    co_await f.write("");
    std::vector<std::string> pieces{" a", "", " b"};
    co_await f.writelines(std::move(pieces));
    EXPECT_EQ(content(path), "hello a b");
}

BIDE_TEST(file_write, keeps_the_order_of_small_and_large_pieces) {
    const scratch in;
    const std::string path = in / "a";
    std::string all;
    bide::file f = co_await bide::open(path, "w", bide::open_options().buffering(1000));
    for (std::size_t i = 0; i < 200; ++i) {
        const std::string piece(i * i % 3001, static_cast<char>('a' + i % 26));
        co_await f.write(piece);
        all += piece;
        EXPECT_EQ(f.tell(), all.size());
    }
    co_await f.close();
    EXPECT_EQ(content(path) == all, true);
}

BIDE_TEST(file_write, a_large_write_that_is_cancelled_has_written_what_tell_says) {
    const scratch in;
    const std::string data(40'000'000, 'x');
    bide::file f = co_await bide::open(in / "a", "w");
    co_await f.write("start");
    auto writing = bide::create_task(f.write(data));
    while (f.tell() == 5) co_await bide::sleep(0s);
    writing.cancel();
    bool cancelled = false;
    try {
        co_await writing;
    } catch (const bide::cancelled_error&) { cancelled = true; }
    EXPECT_TRUE(cancelled);
    EXPECT_GT(f.tell(), 5U);
    EXPECT_LT(f.tell(), data.size());
    EXPECT_EQ(content(in / "a").size(), f.tell());
    co_await f.write("end");
    co_await f.close();
    EXPECT_TRUE(content(in / "a").ends_with("xend"));
}

BIDE_TEST(file_write, makes_files_with_the_permissions_asked_for) {
    const scratch in;
    const std::string path = in / "secret";
    bide::file f = co_await bide::open(path, "x", bide::open_options().permissions(0600));
    struct ::stat found{};
    EXPECT_EQ(::stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0600U);
    const auto again = co_await bide::as_result(bide::open(path, "x"));
    EXPECT_EQ(again.error(), std::errc::file_exists);
}

BIDE_TEST(file_write, appends_behind_what_others_append) {
    const scratch in;
    const std::string path = make(in / "a", "12345");
    bide::file a = co_await bide::open(path, "a");
    bide::file b = co_await bide::open(path, "a");
    EXPECT_EQ(a.tell(), 5U);
    co_await a.write("a");
    co_await b.write("bb");
    co_await a.flush();
    co_await b.flush();
    EXPECT_EQ(a.tell(), 6U);
    EXPECT_EQ(b.tell(), 8U);
    co_await a.write("aaa");
    co_await a.flush();
    EXPECT_EQ(a.tell(), 11U);
    EXPECT_EQ(content(path), "12345abbaaa");
}

BIDE_TEST(file_write, reads_and_writes_share_the_position) {
    const scratch in;
    const std::string path = make(in / "a", "0123456789");
    bide::file f = co_await bide::open(path, "r+");
    std::string got = co_await f.read(2);
    EXPECT_EQ(got, "01");
    co_await f.write("AB");
    got = co_await f.read(2);
    EXPECT_EQ(got, "45");
    co_await f.seek(-2, bide::seek_from::end);
    co_await f.write("CDE");
    co_await f.seek(0);
    got = co_await f.read();
    EXPECT_EQ(got, "01AB4567CDE");
    bide::file w = co_await bide::open(path, "w+");
    co_await w.write("new");
    co_await w.seek(1);
    got = co_await w.read();
    EXPECT_EQ(got, "ew");
    bide::file a = co_await bide::open(path, "a+");
    co_await w.close();
    co_await a.seek(0);
    got = co_await a.read(1);
    EXPECT_EQ(got, "n");
    co_await a.write("!");
    co_await a.flush();
    EXPECT_EQ(content(path), "new!");
}

BIDE_TEST(file_write, truncates_to_a_size_or_to_the_position) {
    const scratch in;
    const std::string path = make(in / "a", "0123456789");
    bide::file f = co_await bide::open(path, "r+");
    const std::string head = co_await f.read(4);
    EXPECT_EQ(head, "0123");
    co_await f.truncate();
    EXPECT_EQ(content(path), "0123");
    EXPECT_EQ(f.tell(), 4U);
    co_await f.truncate(6);
    EXPECT_EQ(content(path), std::string("0123\0\0", 6));
    co_await f.write("xyz");
    co_await f.truncate(5);  // what waits to be written comes first
    EXPECT_EQ(content(path), "0123x");
    bide::file r = co_await bide::open(path);
    const std::string text = co_await failure(r.truncate(0));
    EXPECT_TRUE(has(text, "truncate '" + path + "'", "cannot write")) << text;
}

BIDE_TEST(file_write, reads_and_writes_at_offsets_without_moving) {
    const scratch in;
    const std::string path = make(in / "a", "0123456789");
    bide::file f = co_await bide::open(path, "r+");
    std::size_t count = co_await f.write_at(3, "abc");
    EXPECT_EQ(count, 3U);
    const std::string got = co_await f.read_at(2, 5);
    EXPECT_EQ(got, "2abc6");
    std::byte room[8] = {};
    count = co_await f.read_at(6, room);
    EXPECT_EQ(count, 4U);
    EXPECT_EQ(static_cast<char>(room[3]), '9');
    count = co_await f.read_at(10, room);
    EXPECT_EQ(count, 0U);
    count = co_await f.write_at(12, "z");
    EXPECT_EQ(content(path), std::string("012abc6789\0\0z", 13));
    EXPECT_EQ(f.tell(), 0U);
}

BIDE_TEST(file_write, moves_large_pieces_at_offsets) {
    const scratch in;
    const std::string path = in / "a";
    std::string big(20 * 1024 * 1024 + 17, 'x');
    for (std::size_t i = 0; i < big.size(); i += 4096) big[i] = static_cast<char>('a' + i / 4096 % 26);
    bide::file f = co_await bide::open(path, "w+");
    co_await f.write_at(5, big);
    const std::string got = co_await f.read_at(5, big.size() + 100);
    EXPECT_EQ(got == big, true);
    std::vector<std::byte> room(1024 * 1024);
    const std::size_t count = co_await f.read_at(5 + 4096, room);
    EXPECT_EQ(count, room.size());
    EXPECT_EQ(static_cast<char>(room[0]), 'b');
    const std::string all = co_await f.read();
    EXPECT_EQ(all.size(), big.size() + 5);
}

BIDE_TEST(file_write, syncs) {
    const scratch in;
    const std::string path = in / "a";
    bide::file f = co_await bide::open(path, "w");
    co_await f.write("one");
    co_await f.fsync();
    EXPECT_EQ(content(path), "one");
    co_await f.write("two");
    co_await f.fdatasync();
    EXPECT_EQ(content(path), "onetwo");
}

BIDE_TEST(file_write, a_full_disk_is_an_error_and_the_data_stays) {
    bide::file f = co_await bide::open("/dev/full", "w");
    co_await f.write("hello");  // fits the buffer
    for (int i = 0; i < 2; ++i) {
        const auto flushed = co_await bide::as_result(f.flush());
        EXPECT_EQ(flushed.error(), std::errc::no_space_on_device);
    }
    const std::string big(100'000, 'x');
    std::string text = co_await failure(f.write(big));
    EXPECT_TRUE(has(text, "write '/dev/full'")) << text;
    text = co_await failure(f.close());
    EXPECT_TRUE(has(text, "write '/dev/full'")) << text;
    EXPECT_TRUE(f.closed());
}

BIDE_TEST(file_write, a_dropped_file_is_written) {
    const scratch in;
    const std::string path = in / "a";
    {
        bide::file f = co_await bide::open(path, "w");
        co_await f.write("kept");
    }
    EXPECT_EQ(content(path), "kept");
    {
        bide::file f = co_await bide::open(path, "a");
        co_await f.write(" too");
    }
    EXPECT_EQ(content(path), "kept too");
}

BIDE_TEST(file_write, a_dropped_file_that_cannot_be_written_is_reported) {
    const bide_test::report_log log(bide::get_running_loop());
    {
        bide::file f = co_await bide::open("/dev/full", "w");
        co_await f.write("lost");
    }
    EXPECT_EQ(log.size(), 1U);
    EXPECT_TRUE(has(log.text(), "dropped with 4 bytes", "close()", "write '/dev/full'")) << log.text();
}

BIDE_TEST(file_write, closing_writes_even_when_the_task_is_cancelled) {
    const scratch in;
    const std::string path = in / "a";
    bide::file f = co_await bide::open(path, "w");
    co_await f.write("kept");
    auto closing = bide::create_task([&]() -> bide::coro<void> {
        bide::any_task self = bide::current_task();
        self.cancel();
        co_await f.close();
    });
    co_await bide::sleep(1s);
    EXPECT_TRUE(closing.cancelled());
    EXPECT_TRUE(f.closed());
    EXPECT_EQ(content(path), "kept");
}

BIDE_TEST(file_write, closing_leaves_the_descriptor_to_what_is_in_flight) {
    const scratch in;
    const std::string path = make(in / "a", std::string(1024 * 1024, 'x'));
    bide::file f = co_await bide::open(path, "r+");
    std::vector<std::byte> room(1024 * 1024);
    bool begun = false;
    auto reading = bide::create_task([&]() -> bide::coro<std::size_t> {
        begun = true;
        const std::size_t count = co_await f.read_at(0, room);
        co_return count;
    });
    while (!begun) co_await bide::sleep(0s);
    co_await f.close();
    const std::size_t count = co_await reading;
    EXPECT_EQ(count, room.size());
}

BIDE_TEST(file_write, a_stream_that_nobody_reads_makes_the_writer_wait) {
    const scratch in;
    const std::string path = in / "fifo";
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    bide::file reader = co_await bide::open(path);
    bide::file writer = co_await bide::open(path, "w");
    const std::string big(1024 * 1024, 'x');
    auto writing = bide::create_task(writer.write(big));
    co_await bide::sleep(1s);
    EXPECT_FALSE(writing.done());
    std::size_t total = 0;
    while (total < big.size()) {
        const std::string piece = co_await reader.read(65536);
        total += piece.size();
    }
    co_await writing;
    co_await reader.close();
    const auto broken = co_await bide::as_result(writer.write(big));
    EXPECT_EQ(broken.error(), std::errc::broken_pipe);
    co_await writer.close();
}

}  // namespace

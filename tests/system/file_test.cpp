// bide/system: open, read, seek and close files.
#include <bide/file.hpp>

#include <bide/as_result.hpp>
#include <bide/task.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "system/scratch.hpp"

namespace {

using namespace std::chrono_literals;
using namespace system_tests;
using bide_test::has;

// what() of the exception that the awaitable ends with.
template <class T>
bide::coro<std::string> failure(bide::coro<T> what) {
    std::string text = "(it did not fail)";
    try {
        co_await std::move(what);
    } catch (const std::exception& e) { text = e.what(); }
    co_return text;
}

bide::coro<bool> opens(std::string path, std::string mode) {
    const auto opened = co_await bide::as_result(bide::open(std::move(path), std::move(mode)));
    co_return opened.has_value();
}

// [lines]
bide::coro<std::size_t> count_words(std::string path) {
    std::size_t words = 0;
    bide::file file = co_await bide::open(path);
    while (auto line = co_await file.next_line()) {
        bool inside = false;
        for (const char c : *line) {
            const bool letter = c != ' ' && c != '\n';
            if (letter && !inside) ++words;
            inside = letter;
        }
    }
    co_await file.close();
    co_return words;
}
// [/lines]

BIDE_TEST(file, reads_the_whole_file) {
    const scratch in;
    bide::file f = co_await bide::open(make(in / "a", "one\ntwo\n"));
    EXPECT_EQ(f.tell(), 0U);
    const std::string all = co_await f.read();
    EXPECT_EQ(all, "one\ntwo\n");
    EXPECT_EQ(f.tell(), 8U);
    const std::string end = co_await f.read();
    EXPECT_EQ(end, "");
    co_await f.close();
    EXPECT_TRUE(f.closed());
    co_await f.close();  // again: nothing happens
}

BIDE_TEST(file, counts_words_as_the_page_shows) {
    const scratch in;
    const std::size_t words = co_await count_words(make(in / "a", "one two\n\n three\nfour"));
    EXPECT_EQ(words, 4U);
}

BIDE_TEST(file, reads_pieces_of_any_size) {
    const scratch in;
    const std::string text = many_lines(3000);
    const std::string path = make(in / "a", text);
    for (const std::size_t size : {1U, 7U, 4096U, 65536U, 100000U, 1000000U}) {
        bide::file f = co_await bide::open(path, "r", bide::open_options().buffering(4096));
        std::string all;
        for (;;) {
            const std::string piece = co_await f.read(size);
            if (piece.empty()) break;
            EXPECT_EQ(piece.size(), std::min<std::size_t>(size, text.size() - all.size()));
            all += piece;
        }
        EXPECT_EQ(all == text, true) << size;
    }
}

BIDE_TEST(file, splits_lines_across_buffers) {
    const scratch in;
    const std::string text = many_lines(2000) + "the last has no newline";
    const std::string path = make(in / "a", text);
    bide::file f = co_await bide::open(path, "rt", bide::open_options().buffering(0));
    std::string all;
    std::size_t lines = 0;
    while (auto line = co_await f.next_line()) {
        EXPECT_EQ(line->find('\n'), lines < 2000 ? line->size() - 1 : std::string::npos);
        all += *line;
        ++lines;
    }
    EXPECT_EQ(all == text, true);
    EXPECT_EQ(lines, 2001U);
    const std::string end = co_await f.readline();
    EXPECT_EQ(end, "");
    co_await f.seek(0);
    const std::vector<std::string> list = co_await f.readlines();
    EXPECT_EQ(list.size(), 2001U);
    EXPECT_EQ(list.back(), "the last has no newline");
    co_await f.seek(0);
    const std::vector<std::string> some = co_await f.readlines(500);
    EXPECT_LT(some.size(), 30U);
}

BIDE_TEST(file, a_buffer_may_be_larger_than_what_is_read_or_written_at_a_time) {
    const scratch in;
    const std::string text(20'000'000, 'x');
    for (const std::size_t buffering : {std::size_t{16} << 20, std::size_t{32} << 20, SIZE_MAX}) {
        const auto options = bide::open_options().buffering(buffering).line_limit(SIZE_MAX);
        bide::file written = co_await bide::open(in / "a", "w", options);
        co_await written.write(text);
        co_await written.write("\n");
        co_await written.close();
        bide::file f = co_await bide::open(in / "a", "r", options);
        const std::string start = co_await f.read(1);
        const std::string line = co_await f.readline();
        EXPECT_EQ(start.size() + line.size(), text.size() + 1);
        const std::string end = co_await f.read();
        EXPECT_EQ(end, "");
        co_await f.close();
    }
}

BIDE_TEST(file, mixes_lines_and_bytes) {
    const scratch in;
    bide::file f = co_await bide::open(make(in / "a", "head\nbodybody\ntail"), "rb");
    const std::string head = co_await f.readline();
    EXPECT_EQ(head, "head\n");
    EXPECT_EQ(f.tell(), 5U);
    std::byte room[4];
    const std::size_t got = co_await f.read_into(room);
    EXPECT_EQ(got, 4U);
    const std::string rest = co_await f.readline();
    EXPECT_EQ(rest, "body\n");
    const std::string tail = co_await f.read(100);
    EXPECT_EQ(tail, "tail");
    const std::size_t none = co_await f.read_into(room);
    EXPECT_EQ(none, 0U);
}

BIDE_TEST(file, a_line_beyond_the_limit_is_an_error_and_stays) {
    const scratch in;
    const std::string path = make(in / "a", "short\n" + std::string(10000, 'x') + "\n");
    bide::file f = co_await bide::open(path, "r", bide::open_options().line_limit(5000).buffering(4096));
    const std::string good = co_await f.readline();
    EXPECT_EQ(good, "short\n");
    for (int i = 0; i < 2; ++i) {
        const std::string text = co_await failure(f.readline());
        EXPECT_TRUE(has(text, "readline '" + path + "'", "byte 6", "5000", "line_limit")) << text;
    }
    const std::string rest = co_await f.read();
    EXPECT_EQ(rest.size(), 10001U);
}

BIDE_TEST(file, checks_utf8_only_when_asked_and_names_the_offset) {
    const scratch in;
    const std::string path = make(in / "a", "gr\xc3\xbc\xc3\x9f\nbad \xff here\n");
    bide::file plain = co_await bide::open(path);
    const std::string all = co_await plain.read();
    EXPECT_EQ(all.size(), 18U);
    bide::file f = co_await bide::open(path, "r", bide::open_options().check_utf8());
    const std::string first = co_await f.read(3);  // within a character: that is no error
    EXPECT_EQ(first, "gr\xc3");
    const std::string line = co_await f.readline();
    EXPECT_EQ(line, "\xbc\xc3\x9f\n");
    const std::string text = co_await failure(f.readline());
    EXPECT_TRUE(has(text, "read '" + path + "'", "no UTF-8 at byte 11")) << text;
    bide::file cut =
        co_await bide::open(make(in / "b", "end \xe2\x82"), "r", bide::open_options().check_utf8());
    const std::string end = co_await failure(cut.read());
    EXPECT_TRUE(has(end, "no UTF-8 at byte 4")) << end;
}

BIDE_TEST(file, sees_what_is_added_while_it_reads) {
    const scratch in;
    const std::string path = make(in / "log", "one\n");
    bide::file writer = co_await bide::open(path, "a");
    bide::file reader = co_await bide::open(path);
    const std::string first = co_await reader.readline();
    EXPECT_EQ(first, "one\n");
    const auto none = co_await reader.next_line();
    EXPECT_FALSE(none.has_value());
    co_await writer.write("two\n");
    co_await writer.flush();
    const std::string second = co_await reader.readline();
    EXPECT_EQ(second, "two\n");
}

BIDE_TEST(file, seeks_from_all_three_places) {
    const scratch in;
    bide::file f = co_await bide::open(make(in / "a", "0123456789"));
    std::uint64_t at = co_await f.seek(4);
    EXPECT_EQ(at, 4U);
    std::string two = co_await f.read(2);
    EXPECT_EQ(two, "45");
    at = co_await f.seek(-3, bide::seek_from::current);
    EXPECT_EQ(at, 3U);
    two = co_await f.read(2);
    EXPECT_EQ(two, "34");
    at = co_await f.seek(-1, bide::seek_from::end);
    EXPECT_EQ(at, 9U);
    at = co_await f.seek(5, bide::seek_from::end);
    EXPECT_EQ(at, 15U);
    two = co_await f.read(2);
    EXPECT_EQ(two, "");
    const std::string text = co_await failure(f.seek(-1));
    EXPECT_TRUE(has(text, "seek '", "-1 from byte 0"));
    EXPECT_EQ(f.tell(), 15U);
}

BIDE_TEST(file, errors_name_the_operation_and_the_path) {
    const scratch in;
    const std::string missing = in / "none";
    const auto opened = co_await bide::as_result(bide::open(missing));
    EXPECT_EQ(opened.error(), std::errc::no_such_file_or_directory);
    std::string text = co_await failure(bide::open(missing));
    EXPECT_TRUE(has(text, "open '" + missing + "'")) << text;
    text = co_await failure(bide::open(in / "no/folder", "w"));
    EXPECT_TRUE(has(text, "open '", "no/folder"));
    const auto folder = co_await bide::as_result(bide::open(in.path()));
    EXPECT_EQ(folder.error(), std::errc::is_a_directory);
    const auto taken = co_await bide::as_result(bide::open(make(in / "a", ""), "x"));
    EXPECT_EQ(taken.error(), std::errc::file_exists);
    ::symlink((in / "a").c_str(), (in / "l").c_str());
    const auto link = co_await bide::as_result(bide::open(in / "l", "r", bide::open_options().no_follow()));
    EXPECT_FALSE(link.has_value());
    text = co_await failure(bide::open(std::string("a\0b", 3)));
    EXPECT_TRUE(has(text, "open 'a'", "NUL")) << text;
}

BIDE_TEST(file, knows_pythons_modes) {
    const scratch in;
    for (const char* mode :
         {"r", "rb", "rt", "r+", "r+b", "rb+", "+r", "w", "wb", "w+", "a", "ab", "a+", "at+"}) {
        const bool good = co_await opens(make(in / "a", ""), mode);
        EXPECT_TRUE(good) << mode;
    }
    for (const char* mode : {"", "b", "+", "rw", "rr", "r++", "rbt", "rU", "q", "r "}) {
        const std::string text = co_await failure(bide::open(in / "a", mode));
        EXPECT_TRUE(has(text, std::string("invalid mode '") + mode + "'")) << text;
    }
}

BIDE_TEST(file, says_what_it_can_do) {
    const scratch in;
    const std::string path = make(in / "a", "12345");
    bide::file f = co_await bide::open(path, "rb");
    EXPECT_TRUE(f.readable());
    EXPECT_FALSE(f.writable());
    EXPECT_TRUE(f.seekable());
    EXPECT_FALSE(f.isatty());
    EXPECT_EQ(f.name(), path);
    EXPECT_EQ(f.mode(), "rb");
    EXPECT_GE(f.fileno(), 0);
    const bide::file_status status = co_await f.stat();
    EXPECT_EQ(status.size(), 5U);
    std::string text = co_await failure(f.write("x"));
    EXPECT_TRUE(has(text, "write '" + path + "'", "mode 'rb'", "cannot write")) << text;
    bide::file w = co_await bide::open(path, "w");
    text = co_await failure(w.read());
    EXPECT_TRUE(has(text, "read '" + path + "'", "mode 'w'", "cannot read")) << text;
}

BIDE_TEST(file, a_closed_file_refuses) {
    const scratch in;
    const std::string path = make(in / "a", "12345");
    bide::file f = co_await bide::open(path);
    co_await f.close();
    EXPECT_EQ(f.fileno(), -1);
    EXPECT_FALSE(f);
    std::string text = co_await failure(f.read());
    EXPECT_TRUE(has(text, "read '" + path + "'", "closed")) << text;
    text = co_await failure(f.read_at(0, 5));
    EXPECT_TRUE(has(text, "closed")) << text;
    bide::file none;
    EXPECT_TRUE(none.closed());
    text = co_await failure(none.readline());
    EXPECT_TRUE(has(text, "readline: the file is closed")) << text;
    EXPECT_THROW(static_cast<void>(none.tell()), bide::invalid_state_error);
    co_await none.close();
}

BIDE_TEST(file, dropping_one_closes_it) {
    const scratch in;
    int fd = -1;
    {
        bide::file f = co_await bide::open(make(in / "a", "12345"));
        fd = f.fileno();
        bide::file moved = std::move(f);
        EXPECT_EQ(moved.fileno(), fd);
        EXPECT_TRUE(f.closed());
    }
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

BIDE_TEST(file, running_out_of_descriptors_is_an_error_of_open) {
    const scratch in;
    const std::string path = make(in / "a", "");
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    bide::file warm = co_await bide::open(path);  // the worker thread is there
    rlimit tight = before;
    tight.rlim_cur = static_cast<rlim_t>(warm.fileno()) + 1;
    ::setrlimit(RLIMIT_NOFILE, &tight);
    const auto refused = co_await bide::as_result(bide::open(path));
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(refused.error(), std::errc::too_many_files_open);
    bide::file again = co_await bide::open(path);
    EXPECT_TRUE(again);
}

BIDE_TEST(file, tasks_on_one_file_take_turns_in_order) {
    const scratch in;
    bide::file f = co_await bide::open(make(in / "a", "1\n2\n3\n4\n"));
    std::vector<bide::task<std::string>> tasks;
    for (int i = 0; i < 4; ++i) tasks.push_back(bide::create_task(f.readline()));
    std::string all;
    for (auto& each : tasks) all += co_await each;
    EXPECT_EQ(all.size(), 8U);
    EXPECT_NE(all.find("3\n"), std::string::npos);
}

BIDE_TEST(file, a_file_without_positions_is_a_stream) {
    const scratch in;
    const std::string path = in / "fifo";
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    bide::file reader = co_await bide::open(path);
    bide::file writer = co_await bide::open(path, "w");
    EXPECT_FALSE(reader.seekable());
    auto line = bide::create_task(reader.readline());
    co_await bide::sleep(1s);
    EXPECT_FALSE(line.done());
    co_await writer.write("hello\nrest");
    co_await writer.flush();
    const std::string got = co_await line;
    EXPECT_EQ(got, "hello\n");
    auto rest = bide::create_task(reader.read());
    co_await bide::sleep(1s);
    rest.cancel();  // a stream's wait is taken back, and nothing is lost
    co_await bide::sleep(1s);
    EXPECT_TRUE(rest.cancelled());
    co_await writer.close();
    const std::string end = co_await reader.read();
    EXPECT_EQ(end, "rest");
    const std::string text = co_await failure(reader.seek(0));
    EXPECT_TRUE(has(text, "seek '" + path + "'"));
}

}  // namespace

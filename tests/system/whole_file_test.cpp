// bide/system: read, write and copy whole files.
#include <bide/whole_file.hpp>

#include <bide/as_result.hpp>
#include <bide/fs.hpp>
#include <bide/task.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

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

unsigned permissions(const std::string& path) {
    struct ::stat found{};
    EXPECT_EQ(::stat(path.c_str(), &found), 0) << path;
    return found.st_mode & 07777U;
}

// [save]
bide::coro<void> save_settings(std::string path, std::string text) {
    // Whoever reads the file meanwhile, or after a power cut, finds the old text or the new one.
    co_await bide::write_file(path, text, bide::write_options().atomic());
}
// [/save]

BIDE_TEST(whole_file, writes_and_reads_back) {
    const scratch in;
    const std::string path = in / "a";
    for (const std::size_t size : {0U, 1U, 4095U, 4096U, 4097U, 100'000U, 9'000'000U}) {
        const std::string data(size, 'x');
        co_await bide::write_file(path, data);
        const std::string back = co_await bide::read_file(path);
        EXPECT_EQ(back == data, true) << size;
    }
}

BIDE_TEST(whole_file, reads_what_has_no_size) {
    const std::string text = co_await bide::read_file("/proc/self/status");
    EXPECT_TRUE(has(text, "VmHWM"));
    const std::string none = co_await bide::read_file("/dev/null");
    EXPECT_EQ(none, "");
}

BIDE_TEST(whole_file, reading_stops_at_a_limit) {
    const scratch in;
    const std::string path = make(in / "a", "0123456789");
    const std::string all = co_await bide::read_file(path, 10);
    EXPECT_EQ(all.size(), 10U);
    const auto large = co_await bide::as_result(bide::read_file(path, 9));
    EXPECT_EQ(large.error(), std::errc::file_too_large);
    const auto endless = co_await bide::as_result(bide::read_file("/dev/zero", 100'000));
    EXPECT_EQ(endless.error(), std::errc::file_too_large);
}

BIDE_TEST(whole_file, errors_name_step_and_path) {
    const scratch in;
    std::string text = co_await failure(bide::read_file(in / "none"));
    EXPECT_TRUE(has(text, "open '" + (in / "none") + "'")) << text;
    text = co_await failure(bide::read_file(in.path()));
    EXPECT_TRUE(has(text, "open '" + in.path() + "'", "directory")) << text;
    text = co_await failure(bide::write_file("/dev/full", "x"));
    EXPECT_TRUE(has(text, "write '/dev/full'")) << text;
    text = co_await failure(bide::write_file(in / "a", "x", bide::write_options().atomic().append()));
    EXPECT_TRUE(has(text, "choose one")) << text;
    text = co_await failure(bide::copy_file(in / "none", in / "b"));
    EXPECT_TRUE(
        has(text, "copy '" + (in / "none") + "' to '" + (in / "b") + "': open '" + (in / "none") + "'"))
        << text;
    text = co_await failure(bide::copy_file("/etc/passwd", in / "none/b"));
    EXPECT_TRUE(has(text, "copy '/etc/passwd' to '", ": open '" + (in / "none/b") + "'")) << text;
    text = co_await failure(bide::write_file("", "x", bide::write_options().atomic()));
    EXPECT_TRUE(has(text, "replace ''", "No such file")) << text;
    EXPECT_EQ(in.count(), 0U);
}

BIDE_TEST(whole_file, appends) {
    const scratch in;
    const std::string path = make(in / "a", "one ");
    co_await bide::write_file(path, "two", bide::write_options().append().sync());
    co_await bide::write_file(path, "", bide::write_options().append());
    EXPECT_EQ(content(path), "one two");
}

BIDE_TEST(whole_file, replaces_atomically_and_keeps_the_permissions) {
    const scratch in;
    const std::string path = make(in / "a", "old");
    ::chmod(path.c_str(), 0640);
    const int before = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    co_await save_settings(path, "new");
    EXPECT_EQ(content(path), "new");
    EXPECT_EQ(permissions(path), 0640U);
    char kept[8] = {};
    EXPECT_EQ(::read(before, kept, sizeof kept), 3);  // who has the old file open still has the old content
    EXPECT_STREQ(kept, "old");
    ::close(before);
    co_await bide::write_file(in / "fresh", "x", bide::write_options().atomic().sync().permissions(0600));
    EXPECT_EQ(permissions(in / "fresh"), 0600U);
    ::symlink("a", (in / "l").c_str());
    co_await save_settings(in / "l", "through the link");
    EXPECT_EQ(content(path), "through the link");
    EXPECT_EQ(in.count(), 3U);
    const auto folder = co_await bide::as_result(save_settings(in.path(), "x"));
    EXPECT_EQ(folder.error(), std::errc::is_a_directory);
}

BIDE_TEST(whole_file, replaces_no_device_and_no_fifo) {
    const scratch in;
    const std::string path = in / "fifo";
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const std::string text = co_await failure(bide::write_file(path, "x", bide::write_options().atomic()));
    EXPECT_TRUE(has(text, "replace '" + path + "'", "not supported")) << text;
    struct ::stat found{};
    EXPECT_EQ(::stat(path.c_str(), &found), 0);
    EXPECT_TRUE(S_ISFIFO(found.st_mode));
    EXPECT_EQ(in.count(), 1U);
}

TEST(whole_file, an_atomic_write_that_is_cancelled_or_fails_leaves_the_old_file_alone) {
    const scratch in;
    const std::string path = make(in / "a", "old");
    const std::string data(20'000'000, 'x');
    const auto after = [&](std::uint64_t) {
        const std::string found = content(path);
        EXPECT_TRUE(found == "old" || found == data) << found.size();
        EXPECT_EQ(in.count(), 1U);
        make(path, "old");
    };
    const auto save = [&] { return save_settings(path, data); };
    EXPECT_GT(bide::testing::cancel_everywhere(save, after), 3U);
    bide::testing::fail_everywhere(save, ENOSPC, after);
}

TEST(whole_file, reading_survives_cancel_and_failure_everywhere) {
    const scratch in;
    const std::string path = make(in / "a", std::string(20'000'000, 'x'));
    const auto read = [&]() -> bide::coro<void> {
        const std::string all = co_await bide::read_file(path);
        EXPECT_EQ(all.size(), 20'000'000U);
    };
    EXPECT_GT(bide::testing::cancel_everywhere(read), 3U);
    bide::testing::fail_everywhere(read);
}

BIDE_TEST(whole_file, copies_content_and_permissions) {
    const scratch in;
    const std::string text = many_lines(5000);
    const std::string from = make(in / "a", text);
    ::chmod(from.c_str(), 0750);
    const std::string to = make(in / "b", std::string(1'000'000, 'z'));
    const std::uint64_t count = co_await bide::copy_file(from, to);
    EXPECT_EQ(count, text.size());
    EXPECT_EQ(content(to) == text, true);
    EXPECT_EQ(permissions(to), 0750U);
    const auto there = co_await bide::as_result(bide::copy_file(from, to, bide::if_exists::fail));
    EXPECT_EQ(there.error(), std::errc::file_exists);
    const std::uint64_t none = co_await bide::copy_file(make(in / "empty", ""), in / "c");
    EXPECT_EQ(none, 0U);
    const std::uint64_t proc = co_await bide::copy_file("/proc/self/status", in / "d");
    EXPECT_GT(proc, 100U);
    EXPECT_TRUE(has(content(in / "d"), "VmHWM"));
}

BIDE_TEST(whole_file, a_file_is_not_copied_onto_itself) {
    const scratch in;
    const std::string path = make(in / "a", "precious");
    ::link(path.c_str(), (in / "b").c_str());
    const auto same = co_await bide::as_result(bide::copy_file(path, in / "b"));
    EXPECT_EQ(same.error(), std::errc::invalid_argument);
    EXPECT_EQ(content(path), "precious");
}

BIDE_TEST(whole_file, copies_to_another_file_system) {
    const scratch in;
    const scratch there("/dev/shm");
    const std::string text = many_lines(20'000);
    const std::string from = make(in / "a", text);
    co_await bide::copy_file(from, there / "a");
    EXPECT_EQ(content(there / "a") == text, true);
}

BIDE_TEST(whole_file, fifos_are_read_and_written_to_their_end) {
    const scratch in;
    const std::string path = in / "fifo";
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const std::string big(1'000'000, 'x');
    auto reading = bide::create_task(bide::read_file(path));
    auto writing = bide::create_task(bide::write_file(path, big));
    const std::string got = co_await reading;
    co_await writing;
    EXPECT_EQ(got.size(), big.size());
}

BIDE_TEST(whole_file, what_comes_or_goes_only_once_is_not_copied) {
    const scratch in;
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    EXPECT_EQ(::write(ends[1], "precious", 8), 8);
    const std::string out_of = "/proc/self/fd/" + std::to_string(ends[0]);
    const std::string into = "/proc/self/fd/" + std::to_string(ends[1]);
    std::string text = co_await failure(bide::copy_file(out_of, in / "a"));
    EXPECT_TRUE(has(text, "copy '" + out_of + "' to '", "'" + out_of + "' is a pipe", "open() it")) << text;
    EXPECT_EQ(in.count(), 0U);
    make(in / "a", "old");
    text = co_await failure(bide::copy_file(in / "a", into));
    EXPECT_TRUE(has(text, "'" + into + "' is a pipe")) << text;
    text = co_await failure(bide::copy_file(out_of, in / "a"));
    EXPECT_EQ(content(in / "a"), "old");
    EXPECT_EQ(::mkfifo((in / "fifo").c_str(), 0600), 0);  // nobody has its other end
    const auto refused = co_await bide::as_result(bide::copy_file(in / "fifo", in / "b"));
    EXPECT_EQ(refused.error(), std::errc::invalid_seek);
    const auto there =
        co_await bide::as_result(bide::copy_file(in / "a", in / "fifo", bide::if_exists::fail));
    EXPECT_EQ(there.error(), std::errc::file_exists);
    char kept[16] = {};
    EXPECT_EQ(::read(ends[0], kept, sizeof kept), 8);
    EXPECT_STREQ(kept, "precious");
    ::close(ends[0]);
    ::close(ends[1]);
    const std::uint64_t gone = co_await bide::copy_file(in / "a", "/dev/null");
    EXPECT_EQ(gone, 3U);
}

BIDE_TEST(whole_file, a_terminal_is_not_copied) {
    const scratch in;
    const int keyboard = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_EQ(::grantpt(keyboard) + ::unlockpt(keyboard), 0);
    const std::string terminal = ::ptsname(keyboard);
    const std::string text = co_await failure(bide::copy_file(make(in / "a", "x"), terminal));
    EXPECT_TRUE(has(text, "'" + terminal + "' is a pipe, socket or terminal")) << text;
    ::close(keyboard);
}

}  // namespace

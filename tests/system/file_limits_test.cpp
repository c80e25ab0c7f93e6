// bide/tests: files where something runs out: room on the disk, the size a file may have, descriptors; and files that grow.
#include <bide/bide.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <functional>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/in_child.hpp"
#include "system/scratch.hpp"

namespace {

using namespace system_tests;
using bide_test::has;
using bide_test::passes_in_child;

constexpr std::size_t room = 1024 * 1024;

// A place for no file larger than `room`, until make_room() is called.
struct narrow_place {
    std::string folder;
    std::errc full;
    std::function<void()> make_room;
};

template <class T>
bide::coro<std::string> failure(bide::coro<T> what) {
    std::string text = "(it did not fail)";
    try {
        co_await std::move(what);
    } catch (const std::exception& e) { text = e.what(); }
    co_return text;
}

std::size_t names_in(const std::string& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

// What was accepted before it was full is written when there is room again; nothing is lost or written twice.
bide::coro<void> a_file_goes_on_when_there_is_room(const narrow_place& in) {
    const std::string path = in.folder + "/log";
    std::string accepted;
    std::error_code error;
    bide::file f = co_await bide::open(path, "w", bide::open_options().buffering(10'000));
    for (int i = 0; !error && accepted.size() < 4 * room; ++i) {
        const std::string piece(3'001, static_cast<char>('a' + i % 26));
        const auto written = co_await bide::as_result(f.write(piece));
        error = written.error();
        if (!error) accepted += piece;
    }
    EXPECT_EQ(error, in.full);
    EXPECT_LE(content(path).size(), room);
    std::string text = co_await failure(f.flush());
    EXPECT_TRUE(has(text, "write '" + path + "'", std::make_error_code(in.full).message())) << text;
    in.make_room();
    co_await f.close();
    EXPECT_TRUE(content(path) == accepted) << content(path).size() << " of " << accepted.size();
}

bide::coro<void> what_does_not_fit_is_an_error_that_names_it(const narrow_place& in) {
    const std::string old = make(in.folder + "/old", "old");
    const std::string big(2 * room, 'x');
    std::string text = co_await failure(bide::write_file(old, big, bide::write_options().atomic()));
    EXPECT_TRUE(has(text, "write '" + old + "'", std::make_error_code(in.full).message())) << text;
    EXPECT_EQ(content(old), "old");
    EXPECT_EQ(names_in(in.folder), 1U);
    text = co_await failure(bide::write_file(in.folder + "/big", big));
    EXPECT_TRUE(has(text, "write '" + in.folder + "/big'")) << text;
    co_await bide::fs::remove(in.folder + "/big");
    const scratch elsewhere;
    const std::string from = make(elsewhere / "from", std::string(room / 2, 'x'));
    co_await bide::copy_file(from, in.folder + "/first");
    bide::file many = co_await bide::open(in.folder + "/many", "w");
    for (std::uint64_t at = 0;; at += 65'536) {
        const auto written = co_await bide::as_result(many.write_at(at, std::string(65'536, 'y')));
        if (written && at < 4 * room) continue;
        EXPECT_EQ(written.error(), in.full);
        break;
    }
    co_await many.close();
}

void write_text(const char* path, const std::string& text) {
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || ::write(fd, text.data(), text.size()) < 0) return;
    ::close(fd);
}

// A file system of 1 MiB, in this process only: as root, or where users may have namespaces of their own.
bool mount_small_disk(const std::string& at) {
    const uid_t user = ::getuid();
    const gid_t group = ::getgid();
    if (::unshare(CLONE_NEWNS) != 0) {
        if (::unshare(CLONE_NEWNS | CLONE_NEWUSER) != 0) return false;
        write_text("/proc/self/setgroups", "deny");
        write_text("/proc/self/uid_map", "0 " + std::to_string(user) + " 1");
        write_text("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
    }
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    return ::mount("tmpfs", at.c_str(), "tmpfs", 0, "size=1m,mode=0777") == 0;
}

// Where no file system can be made, no file may be larger.
narrow_place limited_files(const std::string& folder) {
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit tight{.rlim_cur = room, .rlim_max = before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tight);
    return {folder, std::errc::file_too_large, [before] { ::setrlimit(RLIMIT_FSIZE, &before); }};
}

narrow_place small_disk(const std::string& folder) {
    if (!mount_small_disk(folder)) return limited_files(folder);
    return {folder, std::errc::no_space_on_device,
            [folder] { ::mount("tmpfs", folder.c_str(), "tmpfs", MS_REMOUNT, "size=8m"); }};
}

using check = bide::coro<void> (*)(const narrow_place&);

void run_in(narrow_place (*place)(const std::string&), check what) {
    const scratch in;
    EXPECT_TRUE(passes_in_child([&] {
        const narrow_place narrow = place(in.path());
        bide::run(what(narrow));
    }));
}

}  // namespace

// The tests that fork come first: no thread is left by others then.
TEST(full_disk, a_file_goes_on_when_there_is_room_again) {
    run_in(small_disk, a_file_goes_on_when_there_is_room);
}
TEST(full_disk, what_does_not_fit_is_an_error_that_names_it) {
    run_in(small_disk, what_does_not_fit_is_an_error_that_names_it);
}
TEST(file_size_limit, a_file_goes_on_when_there_is_room_again) {
    run_in(limited_files, a_file_goes_on_when_there_is_room);
}
TEST(file_size_limit, what_does_not_fit_is_an_error_that_names_it) {
    run_in(limited_files, what_does_not_fit_is_an_error_that_names_it);
}

BIDE_TEST(growing_file, what_is_added_between_two_reads_is_read) {
    const scratch in;
    const std::string path = make(in / "a", "0");
    bide::file reader = co_await bide::open(path, "r", bide::open_options().buffering(0));
    bide::file writer = co_await bide::open(path, "a", bide::open_options().buffering(0));
    std::string wanted = "0";
    auto growing = bide::create_task([&]() -> bide::coro<void> {
        const int times = 200;
        for (int i = 0; i < times; ++i) {
            const std::string more(static_cast<std::size_t>(i * 37), static_cast<char>('a' + i % 26));
            co_await writer.write(more);
            wanted += more;
        }
    });
    std::string got;
    while (!growing.done() || got.size() < wanted.size()) {
        got += co_await reader.read(5'000);
        co_await bide::sleep(std::chrono::seconds(0));
    }
    EXPECT_TRUE(got == wanted);
}

// The size that the file had when it was opened is no more than a guess.
BIDE_TEST(growing_file, is_read_to_its_present_end) {
    const scratch in;
    const std::string path = make(in / "a", "first");
    bide::file reader = co_await bide::open(path);
    make(path, "first" + std::string(3'000'000, 'x'));
    const std::string all = co_await reader.read();
    EXPECT_EQ(all.size(), 3'000'005U);
    make(path, "short");  // and one that was cut
    co_await reader.seek(0);
    const std::string now = co_await reader.read();
    EXPECT_EQ(now, "short");
}

namespace {

bide::coro<void> list(std::string folder) {
    auto names = bide::fs::listdir(folder);
    while (auto name = co_await names.next()) EXPECT_EQ(*name, "a");
}
bide::coro<void> wait_for_a_change(std::string folder) {
    auto changes = co_await bide::fs::watch(folder);
    ::utimensat(AT_FDCWD, (folder + "/a").c_str(), nullptr, 0);
    const auto change = co_await changes.next();
    EXPECT_TRUE(change.has_value());
}
bide::coro<void> read_it(std::string folder) {
    const std::string text = co_await bide::read_file(folder + "/a");
    EXPECT_EQ(text, "x");
}
bide::coro<void> replace_it(std::string folder) {
    const std::string path = folder + "/a";
    co_await bide::write_file(path, "x", bide::write_options().atomic());
}
bide::coro<void> copy_it(std::string folder) {
    const std::string copy = folder + "/b";
    co_await bide::copy_file(folder + "/a", copy);
    co_await bide::fs::remove(copy);
}
bide::coro<void> make_temporary(std::string folder) {
    bide::file made = co_await bide::temporary_file(bide::temporary_options().folder(folder));
    co_await made.write("x");
    co_await made.close();
}

}  // namespace

BIDE_TEST(no_descriptors_left, is_an_error_that_names_the_path_and_nothing_leaks) {
    const scratch in;
    make(in / "a", "x");
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    for (auto* each : {list, wait_for_a_change, read_it, replace_it, copy_it, make_temporary}) {
        // What is made once is there then; and UBSan needs a descriptor to look at a type for the first time.
        co_await each(in.path());
        std::string text = co_await failure(each(in / "nowhere"));
        EXPECT_TRUE(has(text, "'" + in.path(), "No such file")) << text;
        const int lowest = ::dup(0);
        ::close(lowest);
        int failures = 0;
        for (int more = 0; more < 10; ++more) {
            const rlimit few{.rlim_cur = static_cast<rlim_t>(lowest + more), .rlim_max = before.rlim_max};
            ::setrlimit(RLIMIT_NOFILE, &few);
            text = co_await failure(each(in.path()));
            ::setrlimit(RLIMIT_NOFILE, &before);
            if (text == "(it did not fail)") break;
            ++failures;
            EXPECT_TRUE(has(text, "'" + in.path(), "Too many open files")) << text;
            EXPECT_EQ(in.count(), 1U);
        }
        EXPECT_GE(failures, 1);
        EXPECT_EQ(text, "(it did not fail)");
    }
}

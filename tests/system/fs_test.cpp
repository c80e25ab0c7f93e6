// bide/system: what can be done to files by name.
#include <bide/fs.hpp>

#include <bide/as_result.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "system/scratch.hpp"

namespace {

using namespace system_tests;
using bide_test::has;
namespace fs = bide::fs;

template <class T>
bide::coro<std::string> failure(bide::coro<T> what) {
    std::string text = "(it did not fail)";
    try {
        co_await std::move(what);
    } catch (const std::exception& e) { text = e.what(); }
    co_return text;
}

// [rotate]
bide::coro<void> rotate(std::string folder) {
    co_await fs::makedirs(folder + "/old");
    const bool there = co_await fs::exists(folder + "/log");
    if (there) co_await fs::rename(folder + "/log", folder + "/old/log");
}
// [/rotate]

BIDE_TEST(fs, rotates_as_the_page_shows) {
    const scratch in;
    make(in / "log", "x");
    co_await rotate(in.path());
    co_await rotate(in.path());
    EXPECT_EQ(content(in / "old/log"), "x");
}

BIDE_TEST(fs, answers_questions_about_paths) {
    const scratch in;
    const std::string path = make(in / "a", "12345");
    ::symlink("a", (in / "l").c_str());
    ::symlink("nowhere", (in / "broken").c_str());
    struct row {
        const char* name;
        bool exists, isfile, isdir, islink;
    };
    for (const row& each :
         {row{"a", true, true, false, false}, row{".", true, false, true, false},
          row{"l", true, true, false, true}, row{"broken", false, false, false, true},
          row{"none", false, false, false, false}, row{"a/b", false, false, false, false}}) {
        bool answer = co_await fs::exists(in / each.name);
        EXPECT_EQ(answer, each.exists) << each.name;
        answer = co_await fs::isfile(in / each.name);
        EXPECT_EQ(answer, each.isfile) << each.name;
        answer = co_await fs::isdir(in / each.name);
        EXPECT_EQ(answer, each.isdir) << each.name;
        answer = co_await fs::islink(in / each.name);
        EXPECT_EQ(answer, each.islink) << each.name;
    }
    const std::uint64_t size = co_await fs::getsize(path);
    EXPECT_EQ(size, 5U);
    bool same = co_await fs::samefile(path, in / "l");
    EXPECT_TRUE(same);
    same = co_await fs::samefile(path, in.path());
    EXPECT_FALSE(same);
    bool may = co_await fs::access(path, fs::access_mode::read | fs::access_mode::write);
    EXPECT_TRUE(may);
    may = co_await fs::access(path, fs::access_mode::execute);
    EXPECT_FALSE(may);
    may = co_await fs::access(in / "none");
    EXPECT_FALSE(may);
    const fs::disk_space space = co_await fs::disk_usage(in.path());
    EXPECT_GT(space.total(), space.used());
    EXPECT_GE(space.total(), space.available());
}

BIDE_TEST(fs, makes_and_removes_folders) {
    const scratch in;
    co_await fs::mkdir(in / "a", 0700);
    struct ::stat found{};
    EXPECT_EQ(::stat((in / "a").c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777U, 0700U);
    const auto again = co_await bide::as_result(fs::mkdir(in / "a"));
    EXPECT_EQ(again.error(), std::errc::file_exists);
    co_await fs::makedirs(in / "a/b/c/d/");
    co_await fs::makedirs(in / "a/b/c/d");
    const bool there = co_await fs::isdir(in / "a/b/c/d");
    EXPECT_TRUE(there);
    co_await fs::makedirs(in / "p/q/r", 0500);  // the others as by default, or nobody could make it
    const bide::file_status above = co_await fs::stat(in / "p/q");
    const bide::file_status last = co_await fs::stat(in / "p/q/r");
    EXPECT_EQ(above.permissions() & 0700U, 0700U);
    EXPECT_EQ(last.permissions() & 0700U, 0500U);
    const std::string file = make(in / "file", "");
    std::string text = co_await failure(fs::makedirs(in / "file/x"));
    EXPECT_TRUE(has(text, "makedirs '" + file + "'", "Not a directory")) << text;
    text = co_await failure(fs::makedirs(file));
    EXPECT_TRUE(has(text, "makedirs '" + file + "'", "exists")) << text;
    ::symlink("none", (in / "dangling").c_str());
    text = co_await failure(fs::makedirs(in / "dangling"));
    EXPECT_TRUE(has(text, "makedirs '" + (in / "dangling") + "'", "exists")) << text;
    text = co_await failure(fs::makedirs(in / "dangling/x"));
    EXPECT_TRUE(has(text, "makedirs '" + (in / "dangling") + "'", "No such file")) << text;
    text = co_await failure(fs::makedirs(""));
    EXPECT_TRUE(has(text, "makedirs ''", "No such file")) << text;
    const auto full = co_await bide::as_result(fs::rmdir(in / "a"));
    EXPECT_EQ(full.error(), std::errc::directory_not_empty);
    co_await fs::rmdir(in / "a/b/c/d");
    const bool gone = co_await fs::exists(in / "a/b/c/d");
    EXPECT_FALSE(gone);
}

BIDE_TEST(fs, removes_trees_but_not_what_links_lead_to) {
    const scratch in;
    co_await fs::makedirs(in / "tree/a/b");
    co_await fs::makedirs(in / "other");
    const std::string kept = make(in / "other/kept", "x");
    make(in / "tree/f", "x");
    make(in / "tree/a/b/f", "x");
    ::symlink((in / "other").c_str(), (in / "tree/a/link").c_str());
    for (int i = 0; i < 2000; ++i) make((in / "tree/a/") + std::to_string(i), "");
    co_await fs::rmtree(in / "tree");
    EXPECT_EQ(in.count(), 1U);
    EXPECT_EQ(content(kept), "x");
    std::string text = co_await failure(fs::rmtree(in / "tree"));
    EXPECT_TRUE(has(text, "rmtree '" + (in / "tree") + "'")) << text;
    ::symlink("other", (in / "link").c_str());
    for (const char* const link : {"link", "link/", "link//"}) {
        text = co_await failure(fs::rmtree(in / link));
        EXPECT_TRUE(has(text, "rmtree '", "Not a directory")) << text;
        EXPECT_EQ(content(kept), "x");
    }
}

BIDE_TEST(fs, renames_and_removes_files) {
    const scratch in;
    make(in / "a", "a");
    make(in / "b", "b");
    const auto taken = co_await bide::as_result(fs::rename_new(in / "a", in / "b"));
    EXPECT_EQ(taken.error(), std::errc::file_exists);
    co_await fs::rename(in / "a", in / "b");
    EXPECT_EQ(content(in / "b"), "a");
    co_await fs::rename_new(in / "b", in / "c");
    const std::string text = co_await failure(fs::rename(in / "a", in / "b"));
    EXPECT_TRUE(has(text, "rename '" + (in / "a") + "' to '" + (in / "b") + "'", "No such file")) << text;
    co_await fs::remove(in / "c");
    EXPECT_EQ(in.count(), 0U);
    const auto none = co_await bide::as_result(fs::remove(in / "c"));
    EXPECT_EQ(none.error(), std::errc::no_such_file_or_directory);
    const auto folder = co_await bide::as_result(fs::remove(in.path()));
    EXPECT_FALSE(folder.has_value());
}

BIDE_TEST(fs, links) {
    const scratch in;
    make(in / "a", "a");
    co_await fs::link(in / "a", in / "b");
    const bide::file_status status = co_await fs::stat(in / "b");
    EXPECT_EQ(status.links(), 2U);
    const std::string far(1000, 'x');
    co_await fs::symlink(far, in / "l");
    const std::string target = co_await fs::readlink(in / "l");
    EXPECT_EQ(target, far);
    const auto plain = co_await bide::as_result(fs::readlink(in / "a"));
    EXPECT_EQ(plain.error(), std::errc::invalid_argument);
}

BIDE_TEST(fs, changes_permissions_times_and_sizes) {
    const scratch in;
    const std::string path = make(in / "a", "12345");
    co_await fs::chmod(path, 0604);
    const auto accessed = bide::file_status::time_point(std::chrono::nanoseconds(1'234'567'890'123'456'789));
    const auto modified = bide::file_status::time_point(std::chrono::nanoseconds(-1'000'000'001));
    co_await fs::utime(path, accessed, modified);
    co_await fs::truncate(path, 3);
    co_await fs::utime(path, accessed, modified);
    const bide::file_status status = co_await fs::stat(path);
    EXPECT_EQ(status.permissions(), 0604U);
    EXPECT_EQ(status.accessed(), accessed);
    EXPECT_EQ(status.modified(), modified);
    EXPECT_EQ(content(path), "123");
}

BIDE_TEST(fs, a_path_with_a_nul_byte_is_refused) {
    const std::string path("a\0b", 3);
    std::string text = co_await failure(fs::stat(path));
    EXPECT_TRUE(has(text, "stat 'a'", "NUL")) << text;
    text = co_await failure(fs::rename(path, "b"));
    EXPECT_TRUE(has(text, "rename 'a'", "NUL")) << text;
}

bide::coro<void> do_everything(std::string folder) {
    co_await fs::makedirs(folder + "/x/y");
    co_await fs::symlink("y", folder + "/x/z");
    co_await fs::rename(folder + "/x/z", folder + "/x/l");
    const bide::file_status status = co_await fs::stat(folder + "/x/l");
    EXPECT_TRUE(status.is_dir());
    co_await fs::rmtree(folder + "/x");
}

TEST(fs, survives_cancel_and_failure_everywhere) {
    const scratch in;
    const auto clean = [&](std::uint64_t) {
        std::error_code ignored;
        std::filesystem::remove_all(in / "x", ignored);
    };
    EXPECT_GT(bide::testing::cancel_everywhere([&] { return do_everything(in.path()); }, clean), 5U);
    EXPECT_EQ(bide::testing::fail_everywhere([&] { return do_everything(in.path()); }, EACCES, clean), 6U);
}

}  // namespace

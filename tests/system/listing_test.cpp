// bide/system: what is in folders.
#include <bide/listing.hpp>

#include <bide/as_result.hpp>

#include <unistd.h>

#include <algorithm>
#include <set>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "system/scratch.hpp"

namespace {

using namespace system_tests;
using bide_test::has;
namespace fs = bide::fs;

bide::coro<std::set<std::string>> names_in(std::string path) {
    std::set<std::string> found;
    auto names = fs::listdir(std::move(path));
    while (auto name = co_await names.next()) found.insert(*name);
    co_return found;
}

// [size]
bide::coro<std::uint64_t> total_size(std::string top) {
    std::uint64_t total = 0;
    auto tree = fs::walk(top);
    while (auto step = co_await tree.next()) {
        std::erase(step->dirs, ".git");  // not walked
        for (const std::string& name : step->files) {
            const bide::file_status status = co_await fs::lstat(step->path + "/" + name);
            total += status.size();
        }
    }
    co_return total;
}
// [/size]

void make_tree(const scratch& in) {
    for (const char* folder : {"t", "t/a", "t/a/b", "t/c", "t/.git"})
        std::filesystem::create_directory(in / folder);
    make(in / "t/1", "1");
    make(in / "t/a/22", "22");
    make(in / "t/a/b/333", "333");
    make(in / "t/.git/x", "xxxxxxxx");
    ::symlink("../a", (in / "t/c/up").c_str());
    ::symlink("nowhere", (in / "t/c/broken").c_str());
}

// "path: dirs | files" for each step, the paths without the scratch folder.
bide::coro<std::vector<std::string>> steps(const scratch& in, fs::walk_options options) {
    std::vector<std::string> all;
    auto tree = fs::walk(in / "t", std::move(options));
    while (auto step = co_await tree.next()) {
        std::string text = step->path.substr(in.path().size() + 1) + ":";
        for (const auto& each : step->dirs) text += " " + each;
        text += " |";
        for (const auto& each : step->files) text += " " + each;
        all.push_back(text);
    }
    co_return all;
}

BIDE_TEST(listing, gives_all_names_of_a_large_folder) {
    const scratch in;
    std::set<std::string> made;
    for (int i = 0; i < 1000; ++i) {
        made.insert(std::to_string(i));
        make(in / std::to_string(i), "");
    }
    const std::set<std::string> found = co_await names_in(in.path());
    EXPECT_EQ(found == made, true);
}

BIDE_TEST(listing, names_the_folder_that_is_not_there) {
    const scratch in;
    std::string text;
    try {
        static_cast<void>(co_await names_in(in / "none"));
    } catch (const std::system_error& e) { text = e.what(); }
    EXPECT_TRUE(has(text, "listdir '" + (in / "none") + "'")) << text;
    make(in / "file", "");
    auto entries = fs::scandir(in / "file");
    const auto first = co_await bide::as_result(entries.next());
    EXPECT_EQ(first.error(), std::errc::not_a_directory);
}

BIDE_TEST(listing, an_empty_folder_has_no_names) {
    const scratch in;
    const std::set<std::string> found = co_await names_in(in.path());
    EXPECT_TRUE(found.empty());
}

BIDE_TEST(listing, entries_know_their_kind) {
    const scratch in;
    make_tree(in);
    auto entries = fs::scandir(in / "t/");
    std::vector<std::string> all;
    while (auto entry = co_await entries.next()) {
        std::string text = entry->name() + (entry->is_dir() ? "/" : entry->is_file() ? "" : "?");
        EXPECT_EQ(entry->path(), (in / "t/") + entry->name());
        EXPECT_NE(entry->inode(), 0U);
        all.push_back(text);
        if (entry->name() == "1") {
            const bide::file_status status = co_await entry->stat();
            EXPECT_EQ(status.size(), 1U);
        }
    }
    std::sort(all.begin(), all.end());
    const std::vector<std::string> expected{".git/", "1", "a/", "c/"};
    EXPECT_EQ(all, expected);
    auto links = fs::scandir(in / "t/c");
    while (auto entry = co_await links.next()) EXPECT_TRUE(entry->is_symlink()) << entry->name();
}

BIDE_TEST(listing, a_generator_left_early_closes_its_folder) {
    const scratch in;
    make_tree(in);
    auto entries = fs::scandir(in / "t");
    const auto first = co_await entries.next();
    EXPECT_TRUE(first.has_value());
}

BIDE_TEST(listing, walks_downwards) {
    const scratch in;
    make_tree(in);
    const std::vector<std::string> found = co_await steps(in, fs::walk_options());
    const std::vector<std::string> expected{"t: .git a c | 1", "t/.git: | x", "t/a: b | 22", "t/a/b: | 333",
                                            "t/c: up | broken"};
    EXPECT_EQ(found, expected);
}

BIDE_TEST(listing, walks_upwards) {
    const scratch in;
    make_tree(in);
    const std::vector<std::string> found = co_await steps(in, fs::walk_options().topdown(false));
    const std::vector<std::string> expected{"t/.git: | x", "t/a/b: | 333", "t/a: b | 22", "t/c: up | broken",
                                            "t: .git a c | 1"};
    EXPECT_EQ(found, expected);
}

BIDE_TEST(listing, walks_through_links_when_asked) {
    const scratch in;
    make_tree(in);
    const std::vector<std::string> found = co_await steps(in, fs::walk_options().follow_links());
    EXPECT_EQ(found.size(), 7U);
    EXPECT_EQ(found.back(), "t/c/up/b: | 333");
}

BIDE_TEST(listing, does_not_walk_what_was_erased) {
    const scratch in;
    make_tree(in);
    const std::uint64_t size = co_await total_size(in / "t");
    EXPECT_EQ(size, 1U + 2 + 3 + 7);  // the last is a link, which leads nowhere
}

BIDE_TEST(listing, a_folder_that_cannot_be_read_is_an_error_or_left_out) {
    const scratch in;
    std::string text;
    auto tree = fs::walk(in / "none");
    try {
        static_cast<void>(co_await tree.next());
    } catch (const std::system_error& e) { text = e.what(); }
    EXPECT_TRUE(has(text, "walk '" + (in / "none") + "'")) << text;
    int errors = 0;
    fs::walk_options options;
    options.on_error([&](const std::system_error& e) {
        EXPECT_EQ(e.code(), std::errc::no_such_file_or_directory);
        ++errors;
    });
    auto lenient = fs::walk(in / "none", std::move(options));
    auto* const step = co_await lenient.next();
    EXPECT_EQ(step, nullptr);
    EXPECT_EQ(errors, 1);
}

BIDE_TEST(listing, a_folder_that_vanishes_is_left_out) {
    const scratch in;
    make_tree(in);
    auto tree = fs::walk(in / "t");
    std::size_t count = 0;
    while (auto* const step = co_await tree.next()) {
        ++count;
        if (step->path == in / "t") std::filesystem::remove_all(in / "t/a");
    }
    EXPECT_EQ(count, 3U);
}

TEST(listing, survives_cancel_and_failure_everywhere) {
    const scratch in;
    make_tree(in);
    const auto walk = [&]() -> bide::coro<void> {
        const std::uint64_t size = co_await total_size(in / "t");
        EXPECT_EQ(size, 13U);
    };
    EXPECT_GT(bide::testing::cancel_everywhere(walk), 8U);
    bide::testing::fail_everywhere(walk, EACCES);
    const auto list = [&]() -> bide::coro<void> {
        const std::set<std::string> found = co_await names_in(in / "t");
        EXPECT_EQ(found.size(), 4U);
    };
    bide::testing::cancel_everywhere(list);
    bide::testing::fail_everywhere(list);
}

}  // namespace

// bide/system: be told when files change.
#include <bide/watch.hpp>

#include <bide/as_result.hpp>
#include <bide/bide.hpp>

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/in_child.hpp"
#include "system/scratch.hpp"

namespace {

using namespace std::chrono_literals;
using namespace system_tests;
using bide::fs::change;
using bide_test::has;
using events = bide::async_generator<bide::fs::watch_event>;

std::string text_of(const bide::fs::watch_event& event, const scratch& in) {
    constexpr const char* names[] = {"created",    "removed", "modified", "written",
                                     "attributes", "from",    "to",       "overflow"};
    const std::string path =
        event.path().size() > in.path().size() ? event.path().substr(in.path().size() + 1) : ".";
    return std::string(names[static_cast<int>(event.what())]) + " " + path + (event.is_dir() ? "/" : "");
}

// So many events as lines of text.
bide::coro<std::string> next(events& from, const scratch& in, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) {
        const auto event = co_await from.next();
        all += event ? text_of(*event, in) + "\n" : "(end)\n";
    }
    co_return all;
}

// [reload]
bide::coro<int> reload_when_written(std::string path, int times) {
    int loaded = 0;
    auto changes = co_await bide::fs::watch(path);
    while (auto event = co_await changes.next()) {
        if (event->what() != change::written) continue;
        const std::string text = co_await bide::read_file(event->path());
        if (!text.empty()) ++loaded;
        if (loaded == times) break;
    }
    co_return loaded;
}
// [/reload]

// What is private to somebody else is left out, when the watch begins and later.
bide::coro<void> leaves_private_folders_out() {
    const scratch in;
    std::filesystem::create_directories(in / "before/inside");
    std::filesystem::permissions(in / "before", std::filesystem::perms::none);
    auto from = co_await bide::fs::watch(in.path(), bide::fs::watch_options().recursive());
    std::filesystem::create_directory(in / "later");
    std::filesystem::permissions(in / "later", std::filesystem::perms::none);
    make(in / "a", "");
    std::string all = co_await next(from, in, 4);
    EXPECT_EQ(all, "created later/\nattributes later/\ncreated a\nwritten a\n");
    make(in / "b", "");
    all = co_await next(from, in, 2);
    EXPECT_EQ(all, "created b\nwritten b\n");
    for (const char* each : {"before", "later"})
        std::filesystem::permissions(in / each, std::filesystem::perms::owner_all);
}

// In a user namespace of its own, whose limits are its own. False where that may not be made.
bool allow_one_watch() {
    const auto write = [](const char* path, const std::string& text) { std::ofstream(path) << text; };
    const std::string user = std::to_string(::geteuid());
    const std::string group = std::to_string(::getegid());
    if (::unshare(CLONE_NEWUSER) != 0) return false;
    write("/proc/self/setgroups", "deny");
    write("/proc/self/uid_map", "0 " + user + " 1");
    write("/proc/self/gid_map", "0 " + group + " 1");
    write("/proc/sys/user/max_inotify_watches", "1");
    return content("/proc/sys/user/max_inotify_watches") == "1\n";
}

bide::coro<void> tells_first_and_fails_then() {
    const scratch in;
    auto from = co_await bide::fs::watch(in.path(), bide::fs::watch_options().recursive());
    make(in / "a", "");
    std::filesystem::create_directory(in / "d");
    const std::string all = co_await next(from, in, 3);
    EXPECT_EQ(all, "created a\nwritten a\ncreated d/\n");
    std::string text = "(nothing)";
    try {
        static_cast<void>(co_await from.next());
    } catch (const std::system_error& e) { text = e.what(); }
    EXPECT_TRUE(has(text, "watch '" + (in / "d") + "'", "No space")) << text;
}

// First those that fork, before there are threads.

TEST(watch_in_child, leaves_out_folders_that_it_may_not_read) {
    EXPECT_TRUE(bide_test::passes_as_nobody({}, leaves_private_folders_out));
}

TEST(watch_in_child, what_had_happened_is_told_before_an_error) {
    EXPECT_TRUE(bide_test::passes_in_child([] {
        if (allow_one_watch()) bide::testing::run_test(tells_first_and_fails_then);
    }));
}

BIDE_TEST(watch, reloads_as_the_page_shows) {
    const scratch in;
    const std::string path = make(in / "settings", "1");
    auto loading = bide::create_task(reload_when_written(path, 2));
    while (!loading.done()) {  // when the watch begins is for a worker thread to say
        make(path, "new");
        co_await bide::sleep(1s);
    }
    const int loaded = co_await loading;
    EXPECT_EQ(loaded, 2);
}

BIDE_TEST(watch, tells_what_happens_in_a_folder) {
    const scratch in;
    auto from = co_await bide::fs::watch(in.path());
    make(in / "a", "x");
    std::filesystem::create_directory(in / "d");
    std::filesystem::permissions(in / "a", std::filesystem::perms::owner_all);
    std::filesystem::rename(in / "a", in / "b");
    std::filesystem::remove(in / "b");
    const std::string all = co_await next(from, in, 8);
    EXPECT_EQ(all, "created a\nmodified a\nwritten a\ncreated d/\nattributes a\nfrom a\nto b\nremoved b\n");
}

BIDE_TEST(watch, the_halves_of_a_move_share_a_cookie) {
    const scratch in;
    make(in / "a", "");
    auto from = co_await bide::fs::watch(in.path());
    std::filesystem::rename(in / "a", in / "b");
    const auto first = co_await from.next();
    const auto second = co_await from.next();
    EXPECT_EQ(first->what(), change::moved_from);
    EXPECT_EQ(second->what(), change::moved_to);
    EXPECT_EQ(first->cookie(), second->cookie());
    EXPECT_NE(first->cookie(), 0U);
}

BIDE_TEST(watch, waits_for_what_has_not_happened_yet) {
    const scratch in;
    auto from = co_await bide::fs::watch(in.path());
    auto waiting = bide::create_task(next(from, in, 1));
    co_await bide::sleep(1s);
    EXPECT_FALSE(waiting.done());
    make(in / "a", "");
    const std::string text = co_await waiting;
    EXPECT_EQ(text, "created a\n");
}

BIDE_TEST(watch, ends_when_what_it_watches_is_gone) {
    const scratch in;
    const std::string path = make(in / "a", "");
    auto from = co_await bide::fs::watch(path);
    std::filesystem::remove(path);
    const std::string all = co_await next(from, in, 3);
    EXPECT_EQ(all, "attributes a\nremoved a\n(end)\n");
    std::filesystem::create_directory(in / "d");
    auto folder = co_await bide::fs::watch(in / "d");
    std::filesystem::rename(in / "d", in / "e");
    const std::string moved = co_await next(folder, in, 2);
    EXPECT_TRUE(has(moved, "removed d", "(end)")) << moved;
}

BIDE_TEST(watch, follows_folders_that_come_later) {
    const scratch in;
    std::filesystem::create_directories(in / "a/b");
    auto from = co_await bide::fs::watch(in.path(), bide::fs::watch_options().recursive());
    make(in / "a/b/1", "");
    std::string all = co_await next(from, in, 2);
    EXPECT_EQ(all, "created a/b/1\nwritten a/b/1\n");
    std::filesystem::create_directories(in / "c/d");
    make(in / "c/d/2", "");
    all = co_await next(from, in, 3);
    EXPECT_EQ(all, "created c/\ncreated c/d/\ncreated c/d/2\n");
    make(in / "c/d/3", "");
    all = co_await next(from, in, 2);
    EXPECT_EQ(all, "created c/d/3\nwritten c/d/3\n");
    std::filesystem::rename(in / "c", in / "e");
    all = co_await next(from, in, 4);
    EXPECT_TRUE(has(all, "from c/", "to e/", "created e/d/")) << all;
    make(in / "e/d/4", "");
    all = "";
    while (!has(all, "created e/d/4")) all += co_await next(from, in, 1);
    std::filesystem::remove_all(in / "e");
    while (!has(all, "removed e/d/4", "removed e/d/", "removed e/")) all += co_await next(from, in, 1);
}

// Whoever is told of the overflow looks again, and so does the watch itself.
BIDE_TEST(watch, after_an_overflow_it_knows_all_folders) {
    const scratch in;
    make(in / "a", "");
    make(in / "b", "");
    std::filesystem::create_directories(in / "old/below");
    std::size_t most = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> most;
    auto from = co_await bide::fs::watch(in.path(), bide::fs::watch_options().recursive());
    for (std::size_t i = 0; i <= most; ++i) ::chmod((in / (i % 2 == 0 ? "a" : "b")).c_str(), 0600);
    std::filesystem::create_directories(in / "new/below");
    std::filesystem::rename(in / "old", in / "renamed");
    std::string last;
    while (last != "overflow ." && last != "(end)") {
        last = co_await next(from, in, 1);
        last.pop_back();
    }
    EXPECT_EQ(last, "overflow .");
    make(in / "new/below/1", "");
    std::string all = co_await next(from, in, 2);
    EXPECT_EQ(all, "created new/below/1\nwritten new/below/1\n");
    make(in / "renamed/below/2", "");
    all = co_await next(from, in, 2);
    EXPECT_EQ(all, "created renamed/below/2\nwritten renamed/below/2\n");
}

BIDE_TEST(watch, a_top_that_goes_unseen_is_the_end) {
    const scratch in;
    std::filesystem::create_directories(in / "top");
    make(in / "top/a", "");
    make(in / "top/b", "");
    std::size_t most = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> most;
    auto from = co_await bide::fs::watch(in / "top");
    for (std::size_t i = 0; i <= most; ++i) ::chmod((in / (i % 2 == 0 ? "top/a" : "top/b")).c_str(), 0600);
    std::filesystem::rename(in / "top", in / "elsewhere");
    std::string last;
    std::string before;
    while (last != "(end)\n") {
        before = last;
        last = co_await next(from, in, 1);
    }
    EXPECT_EQ(before, "removed top\n");
}

BIDE_TEST(watch, folders_may_vanish_while_it_begins) {
    const scratch in;
    const std::jthread comes_and_goes([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            std::error_code ignored;
            for (int i = 0; i < 20; ++i) std::filesystem::create_directory(in / std::to_string(i), ignored);
            for (int i = 0; i < 20; ++i) std::filesystem::remove(in / std::to_string(i), ignored);
        }
    });
    int begun = 0;
    for (int i = 0; i < 300; ++i) {
        auto from = co_await bide::fs::watch(in.path(), bide::fs::watch_options().recursive());
        ++begun;
        co_await from.close();
    }
    EXPECT_EQ(begun, 300);
}

BIDE_TEST(watch, names_what_is_not_there) {
    const scratch in;
    std::string text;
    try {
        static_cast<void>(co_await bide::fs::watch(in / "none"));
    } catch (const std::system_error& e) { text = e.what(); }
    EXPECT_TRUE(has(text, "watch '" + (in / "none") + "'")) << text;
}

TEST(watch, survives_cancel_and_failure_everywhere) {
    const auto body = []() -> bide::coro<void> {
        const scratch in;
        auto from = co_await bide::fs::watch(in.path(), bide::fs::watch_options().recursive());
        std::filesystem::create_directory(in / "d");
        std::string all = co_await next(from, in, 1);
        EXPECT_EQ(all, "created d/\n");
        make(in / "d/a", "");
        all = co_await next(from, in, 1);
        EXPECT_TRUE(has(all, "created d/a")) << all;
        co_await from.close();
    };
    EXPECT_GT(bide::testing::cancel_everywhere(body), 3U);
    bide::testing::fail_everywhere(body);
}

}  // namespace

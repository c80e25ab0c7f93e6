// bide/os: a tree is removed without leaving it, whatever others do to it meanwhile, and however deep it is.
// bide-test: once
#include "os/remove_tree.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.hpp"
#include "system/scratch.hpp"

namespace {

std::string watched;
std::function<void()> when_read;

std::string folder_of(DIR* stream) {
    char target[4096];
    const std::string link = "/proc/self/fd/" + std::to_string(::dirfd(stream));
    const auto size = ::readlink(link.c_str(), target, sizeof target);
    return size < 0 ? std::string() : std::string(target, static_cast<std::size_t>(size));
}

}  // namespace

// In the place of the system's: somebody else acts when a certain folder has been read to its end.
extern "C" dirent* readdir(DIR* stream) {
    static const auto real = reinterpret_cast<dirent* (*)(DIR*)>(::dlsym(RTLD_NEXT, "readdir"));
    dirent* const found = real(stream);
    if (found == nullptr && !watched.empty() && folder_of(stream) == watched) {
        watched.clear();
        std::exchange(when_read, nullptr)();
        errno = 0;
    }
    return found;
}

namespace {

using bide::detail::unique_fd;
using bide::detail::sys::remove_tree;
using system_tests::content;
using system_tests::make;
using system_tests::scratch;
namespace fs = std::filesystem;

void when_read_to_its_end(const std::string& folder, std::function<void()> act) {
    watched = fs::canonical(folder);
    when_read = std::move(act);
}

// When `when` has been read, somebody puts a link to "outside" in the place of tree/a; `kept` is out there.
void remove_while_a_link_comes(const scratch& in, const std::string& when, const std::string& kept) {
    fs::create_directories(in / "tree/a");
    fs::create_directories(fs::path(in / kept).parent_path());
    make(in / kept, "kept");
    when_read_to_its_end(in / when, [&] {
        fs::rename(in / "tree/a", in / "moved");
        fs::create_directory_symlink(in / "outside", in / "tree/a");
    });
    std::string at;
    EXPECT_EQ(remove_tree(in / "tree", at), 0) << at;
    EXPECT_TRUE(watched.empty());
    EXPECT_EQ(content(in / kept), "kept");
    EXPECT_FALSE(fs::exists(in / "tree"));
}

// The folder that was looked into is replaced by a link before what is in it is removed.
TEST(remove_tree, is_not_led_outside_by_a_link_in_place_of_a_folder) {
    const scratch in;
    fs::create_directories(in / "tree/a/b");
    make(in / "tree/a/b/file", "x");
    remove_while_a_link_comes(in, "tree/a", "outside/b/kept");
    EXPECT_TRUE(fs::is_empty(in / "moved"));  // was in the tree when it was looked at
}

// ... before it is looked into.
TEST(remove_tree, removes_a_link_that_came_in_place_of_a_folder) {
    const scratch in;
    remove_while_a_link_comes(in, "tree", "outside/kept");
}

// So deep that the folders above were closed: ".." does not lead back into the tree.
TEST(remove_tree, stops_where_a_folder_was_moved_away_from_under_it) {
    const scratch in;
    std::string deepest = in / "tree";
    for (int i = 1; i <= 12; ++i) deepest += "/" + std::to_string(i);
    fs::create_directories(deepest);
    fs::create_directories(in / "tree/1/2/other");
    fs::create_directories(in / "outside/other");
    const std::string kept = make(in / "outside/other/kept", "kept");
    when_read_to_its_end(deepest, [&] { fs::rename(in / "tree/1/2/3", in / "outside/3"); });
    std::string at;
    EXPECT_EQ(remove_tree(in / "tree", at), -ESTALE);
    EXPECT_TRUE(watched.empty());
    EXPECT_EQ(at, in / "tree/1/2/3");
    EXPECT_EQ(content(kept), "kept");
    EXPECT_TRUE(fs::exists(in / "outside/3"));
}

TEST(remove_tree, does_not_mind_what_vanishes_meanwhile) {
    const scratch in;
    fs::create_directories(in / "tree/a/b/c");
    fs::create_directories(in / "tree/d");
    when_read_to_its_end(in / "tree/a/b", [&] {
        fs::remove_all(in / "tree/a");
        fs::remove_all(in / "tree/d");
    });
    std::string at;
    EXPECT_EQ(remove_tree(in / "tree", at), 0) << at;
    EXPECT_TRUE(watched.empty());
    EXPECT_FALSE(fs::exists(in / "tree"));
}

TEST(remove_tree, names_what_it_could_not_remove) {
    const scratch in;
    fs::create_directories(in / "tree/a/b");
    when_read_to_its_end(in / "tree/a/b", [&] { make(in / "tree/a/b/new", "x"); });
    std::string at;
    EXPECT_EQ(remove_tree(in / "tree", at), -ENOTEMPTY);
    EXPECT_EQ(at, in / "tree/a/b");
    EXPECT_EQ(remove_tree(in / "none", at), -ENOENT);
    EXPECT_EQ(at, in / "none");
    EXPECT_EQ(remove_tree(in / "tree/a/b/new", at), -ENOTDIR);
}

struct descriptor_limit {
    explicit descriptor_limit(rlim_t most) {
        ::getrlimit(RLIMIT_NOFILE, &before);
        const rlimit less{.rlim_cur = most, .rlim_max = before.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &less);
    }
    descriptor_limit(const descriptor_limit&) = delete;
    descriptor_limit& operator=(const descriptor_limit&) = delete;
    ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before); }
    rlimit before{};
};

// Deeper than a path may be long and than a process may have descriptors, with something to do on the way back.
TEST(remove_tree, goes_as_deep_as_the_tree) {
    constexpr int depth = 3000;
    const scratch in;
    fs::create_directories(in / "tree");
    unique_fd at(::open((in / "tree").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < depth; ++i) {
        ASSERT_EQ(::mkdirat(at.get(), "d1", 0700), 0);
        ASSERT_EQ(::mkdirat(at.get(), "d2", 0700), 0);
        unique_fd(::openat(at.get(), "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        at = unique_fd(::openat(at.get(), i % 2 == 0 ? "d1" : "d2", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        ASSERT_TRUE(at);
    }
    at.reset();
    const descriptor_limit few(64);
    std::string failed;
    EXPECT_EQ(remove_tree(in / "tree", failed), 0) << failed.size();
    EXPECT_FALSE(fs::exists(in / "tree"));
}

}  // namespace

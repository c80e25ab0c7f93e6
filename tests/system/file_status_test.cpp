// bide/system: what stat() tells of a file.
#include <bide/file_status.hpp>

#include <bide/fs.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include "support/async_test.hpp"
#include "system/scratch.hpp"

namespace {

using namespace system_tests;
using bide::file_kind;

BIDE_TEST(file_status, tells_what_stat_tells) {
    const scratch in;
    const std::string path = make(in / "a", "12345");
    ::chmod(path.c_str(), 0640);
    struct ::stat native{};
    EXPECT_EQ(::stat(path.c_str(), &native), 0);
    const bide::file_status s = co_await bide::fs::stat(path);
    EXPECT_TRUE(s.is_file());
    EXPECT_FALSE(s.is_dir());
    EXPECT_EQ(s.size(), 5U);
    EXPECT_EQ(s.permissions(), 0640U);
    EXPECT_EQ(s.user(), ::getuid());
    EXPECT_EQ(s.group(), native.st_gid);
    EXPECT_EQ(s.links(), 1U);
    EXPECT_EQ(s.inode(), native.st_ino);
    EXPECT_EQ(s.device(), native.st_dev);
    EXPECT_EQ(s.allocated(), static_cast<std::uint64_t>(native.st_blocks) * 512);
    const auto ns = s.modified().time_since_epoch().count();
    EXPECT_EQ(ns, native.st_mtim.tv_sec * 1'000'000'000LL + native.st_mtim.tv_nsec);
    EXPECT_GE(s.changed(), s.modified());
    EXPECT_GT(s.accessed().time_since_epoch().count(), 0);
}

BIDE_TEST(file_status, knows_the_kinds) {
    const scratch in;
    ::symlink("nowhere", (in / "l").c_str());
    ::mkfifo((in / "p").c_str(), 0600);
    const bide::file_status folder = co_await bide::fs::stat(in.path());
    EXPECT_TRUE(folder.is_dir());
    const bide::file_status link = co_await bide::fs::lstat(in / "l");
    EXPECT_TRUE(link.is_symlink());
    const bide::file_status pipe = co_await bide::fs::stat(in / "p");
    EXPECT_EQ(pipe.kind(), file_kind::pipe);
    const bide::file_status device = co_await bide::fs::stat("/dev/null");
    EXPECT_EQ(device.kind(), file_kind::character);
    EXPECT_TRUE(folder.same_file(folder));
    EXPECT_FALSE(folder.same_file(pipe));
}

}  // namespace

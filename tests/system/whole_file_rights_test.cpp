// bide/tests: owners and permissions of files that are replaced or copied.
#include <bide/whole_file.hpp>

#include <bide/as_result.hpp>
#include <bide/task.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/in_child.hpp"
#include "system/scratch.hpp"

namespace {

using namespace std::chrono_literals;
using namespace system_tests;
using bide_test::has;
using bide_test::passes_as_nobody;

constexpr unsigned bob = 1234;
constexpr unsigned web = 4321;  // a group
constexpr unsigned nobody = bide_test::nobody;

// "OWNER:GROUP PERMISSIONS"
std::string rights(const std::string& path) {
    struct ::stat found{};
    if (::stat(path.c_str(), &found) != 0) return "(none)";
    char permissions[16];
    std::snprintf(permissions, sizeof permissions, "%04o", found.st_mode & 07777U);
    return std::to_string(found.st_uid) + ":" + std::to_string(found.st_gid) + " " + permissions;
}

void make_for(const std::string& path, unsigned user, unsigned group, unsigned permissions) {
    make(path, "old");
    EXPECT_EQ(::chown(path.c_str(), user, group), 0);
    EXPECT_EQ(::chmod(path.c_str(), permissions), 0);
}

bide::coro<std::string> replaced(std::string path) {
    co_await bide::write_file(path, "new", bide::write_options().atomic());
    EXPECT_EQ(content(path), "new");
    co_return rights(path);
}

// Nobody else may give files away.
bool is_root() { return ::geteuid() == 0; }

struct open_to_all : scratch {
    open_to_all() { ::chmod(path().c_str(), 0777); }
};

}  // namespace

// First those that fork, before there are threads.

TEST(as_nobody, replacing_gives_no_rights_that_others_had) {
    if (!is_root()) return;
    const open_to_all in;
    make_for(in / "set-id", bob, bob, 06755);
    make_for(in / "group's", nobody, bob, 02674);
    make_for(in / "mine", bob, web, 02660);
    EXPECT_TRUE(passes_as_nobody({web}, [&]() -> bide::coro<void> {
        std::string now = co_await replaced(in / "set-id");
        EXPECT_EQ(now, "65534:65534 0755");
        now = co_await replaced(in / "group's");
        EXPECT_EQ(now, "65534:65534 0644");
        now = co_await replaced(in / "mine");
        EXPECT_EQ(now, "65534:4321 2660");
    }));
}

TEST(as_nobody, copying_over_a_file_of_somebody_elses_copies_the_content_first) {
    if (!is_root()) return;
    const open_to_all in;
    make_for(in / "theirs", bob, bob, 0666);
    EXPECT_TRUE(passes_as_nobody({web}, [&]() -> bide::coro<void> {
        make(in / "from", "new");
        ::chmod((in / "from").c_str(), 0644);
        const auto copied = co_await bide::as_result(bide::copy_file(in / "from", in / "theirs"));
        EXPECT_EQ(copied.error(), std::errc::operation_not_permitted);
        EXPECT_EQ(content(in / "theirs"), "new");
        EXPECT_TRUE(has(rights(in / "theirs"), "1234:1234 0666"));
    }));
}

BIDE_TEST(replacing, keeps_the_permissions_of_ones_own_file) {
    const scratch in;
    const std::string own = std::to_string(::geteuid()) + ":" + std::to_string(::getegid());
    for (const unsigned permissions : {0640U, 0400U, 0777U, 06755U}) {
        make_for(in / "a", ::geteuid(), ::getegid(), permissions);
        const std::string now = co_await replaced(in / "a");
        char expected[16];
        std::snprintf(expected, sizeof expected, " %04o", permissions);
        EXPECT_EQ(now, own + expected);
        ::unlink((in / "a").c_str());
    }
}

BIDE_TEST(replacing, by_root_keeps_owner_and_group) {
    if (!is_root()) co_return;
    const open_to_all in;
    make_for(in / "a", 0, web, 0640);
    std::string now = co_await replaced(in / "a");
    EXPECT_EQ(now, "0:4321 0640");
    make_for(in / "b", bob, bob, 04755);
    now = co_await replaced(in / "b");
    EXPECT_EQ(now, "1234:1234 4755");
}

BIDE_TEST(copying, gives_no_set_id_bits_to_another_owner) {
    if (!is_root()) co_return;
    const open_to_all in;
    make_for(in / "from", bob, bob, 06755);
    co_await bide::copy_file(in / "from", in / "to");
    EXPECT_EQ(rights(in / "to"), "0:0 0755");
    make_for(in / "his", bob, web, 0600);
    co_await bide::copy_file(in / "from", in / "his");
    EXPECT_EQ(rights(in / "his"), "1234:4321 4755");
}

BIDE_TEST(copying, over_a_file_lets_nobody_else_read_it_meanwhile) {
    const scratch in;
    make_for(in / "from", ::geteuid(), ::getegid(), 0600);
    std::filesystem::resize_file(in / "from", 60'000'000);
    make_for(in / "to", ::geteuid(), ::getegid(), 0644);
    auto copy = bide::create_task(bide::copy_file(in / "from", in / "to"));
    unsigned others = 0;
    while (!copy.done()) {
        co_await bide::sleep(0s);
        struct ::stat found{};
        if (::stat((in / "to").c_str(), &found) == 0 && found.st_size > 3) others |= found.st_mode & 077U;
    }
    co_await copy;
    EXPECT_EQ(others, 0U);
    EXPECT_TRUE(has(rights(in / "to"), " 0600"));
}

BIDE_TEST(replacing, nobody_else_may_read_it_before_it_is_complete) {
    const scratch in;
    make_for(in / "a", ::geteuid(), ::getegid(), 0666);
    auto writing = bide::create_task(
        bide::write_file(in / "a", std::string(30'000'000, 'x'), bide::write_options().atomic()));
    int seen = 0;
    unsigned others = 0;
    while (!writing.done()) {
        co_await bide::sleep(0s);
        for (const auto& each : std::filesystem::directory_iterator(in.path())) {
            const std::string name = each.path().filename();
            struct ::stat found{};
            if (!name.starts_with(".bide-") || ::stat(each.path().c_str(), &found) != 0) continue;
            if (found.st_size == 30'000'000) continue;
            ++seen;
            others |= found.st_mode & 077U;
        }
    }
    co_await writing;
    EXPECT_GT(seen, 0);
    EXPECT_EQ(others, 0U);
    EXPECT_TRUE(has(rights(in / "a"), " 0666"));
}

// bide/tests: descriptor.
// bide-test: once
#include <gtest/gtest.h>

#include <bide/descriptor.hpp>

#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
int some_file() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

TEST(descriptor, closes_exactly_once) {
    const int number = some_file();
    {
        const bide::descriptor owner(number);
        EXPECT_EQ(owner.fileno(), number);
        EXPECT_TRUE(owner);
    }
    EXPECT_FALSE(is_open(number));
}

TEST(descriptor, moves) {
    const int number = some_file();
    bide::descriptor one(number);
    bide::descriptor other = std::move(one);
    EXPECT_FALSE(one);
    EXPECT_EQ(one.fileno(), -1);
    const int second = some_file();
    other = bide::descriptor(second);
    EXPECT_FALSE(is_open(number));
    EXPECT_TRUE(is_open(second));
    bide::descriptor& same = other;
    other = std::move(same);
    EXPECT_TRUE(is_open(second));
}

TEST(descriptor, release_gives_it_away_and_close_may_be_repeated) {
    const int number = some_file();
    bide::descriptor owner(number);
    EXPECT_EQ(owner.release(), number);
    EXPECT_FALSE(owner);
    owner.close();
    EXPECT_TRUE(is_open(number));
    bide::descriptor again(number);
    again.close();
    again.close();
    EXPECT_FALSE(is_open(number));
}

}  // namespace

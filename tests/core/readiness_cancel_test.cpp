// bide/core: cancelling one wait for a descriptor leaves the others on it alone.
// bide-test: no-shuffle
#include "support/async_test.hpp"

#include <unistd.h>

#include <array>
#include <chrono>

namespace {

using namespace std::chrono_literals;

bide::coro<void> until_readable(int fd, int& came) {
    co_await bide::wait_readable(fd);
    ++came;
}

BIDE_TEST(section17, s25_a_cancelled_wait_takes_only_itself_off_the_descriptor) {
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe(pipe.data()), 0);
    int came = 0;
    int called = 0;
    auto first = bide::create_task(until_readable(pipe[0], came));
    auto second = bide::create_task(until_readable(pipe[0], came));
    bide::event_loop& loop = bide::get_running_loop();
    loop.add_reader(pipe[0], [&] {
        ++called;
        loop.remove_reader(pipe[0]);
    });
    co_await bide::sleep(10ms);

    first.cancel();
    auto outcome = co_await bide::gather_results(first);
    EXPECT_TRUE(first.cancelled());
    EXPECT_FALSE(second.done());

    auto third = bide::create_task(until_readable(pipe[0], came));  // takes the place of the first
    co_await bide::sleep(10ms);
    first.cancel();  // done long ago: must not touch it
    EXPECT_EQ(::write(pipe[1], "x", 1), 1);
    co_await second;
    co_await third;
    co_await bide::sleep(10ms);
    EXPECT_EQ(came, 2);
    EXPECT_EQ(called, 1);
    ::close(pipe[0]);
    ::close(pipe[1]);
}

}  // namespace

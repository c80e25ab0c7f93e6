// bide/base: a replacement for the pool gets every frame; it can be installed only before the first one.
#include <bide/bide.hpp>
#include <bide/frame_allocator.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>

namespace {

using namespace std::chrono_literals;

std::atomic<long> taken{0};
std::atomic<long> given_back{0};
std::atomic<long> bytes{0};

// [replace]
void* take(std::size_t size) {
    ++taken;
    bytes += static_cast<long>(size);
    void* const at = std::malloc(size);
    if (at == nullptr) throw std::bad_alloc();
    return at;
}

void give_back(void* at, std::size_t size) noexcept {
    ++given_back;
    bytes -= static_cast<long>(size);
    std::free(at);
}
// [/replace]

bide::coro<int> child(int n) { co_return n; }

bide::coro<int> parent() {
    const int a = co_await child(1);
    const int b = co_await child(2);
    auto task = bide::create_task(child(3));
    co_await bide::sleep(1ms);
    const int c = co_await task;
    co_return a + b + c;
}

// In this order, in a process of its own: GoogleTest runs the tests of a file from top to bottom.
TEST(frame_allocator, can_be_replaced_before_the_first_frame) {
    // [replace]
    bide::set_frame_allocator(bide::frame_allocator(take, give_back));
    // [/replace]
    EXPECT_EQ(taken, 0);
}

TEST(frame_allocator, the_replacement_gets_frames_tasks_and_callbacks) {
    EXPECT_EQ(bide::run(parent()), 6);
    EXPECT_GE(taken, 6);
    EXPECT_EQ(given_back, taken);
    EXPECT_EQ(bytes, 0);  // each block came back with the size it was taken with
    const long before = taken;
    {
        bide::event_loop loop;
        loop.call_soon([] {});
        EXPECT_EQ(taken, before + 1);
    }
    EXPECT_EQ(given_back, taken);
}

TEST(frame_allocator, cannot_be_replaced_later) {
    try {
        bide::set_frame_allocator(bide::frame_allocator(take, give_back));
        ADD_FAILURE();
    } catch (const bide::invalid_state_error& e) {
        EXPECT_STREQ(e.what(),
                     "set_frame_allocator: coroutine frames exist already; call it first in main()");
    }
}

}  // namespace

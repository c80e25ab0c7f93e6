// bide/os: a handler of Ctrl-C that runs in another thread while the guard goes, and its loop with it.
// bide-test: once
#include "os/interrupt.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <thread>

#include <pthread.h>

#include "os/backend.hpp"

namespace {

using namespace std::chrono_literals;

std::atomic<bool> in_wake{false};
std::atomic<bool> gone{false};
std::atomic<bool> gone_during_wake{false};

// Has nothing but a wake() that takes its time.
class slow_backend final : public bide::detail::backend {
public:
    void submit(bide::detail::timer_node&) noexcept override {}
    void cancel(bide::detail::timer_node&) noexcept override {}
    void poll(std::int64_t, bide::detail::ready_queue&) noexcept override {}
    void wake() noexcept override {
        in_wake = true;
        const auto until = std::chrono::steady_clock::now() + 100ms;
        while (!gone && std::chrono::steady_clock::now() < until) {}
        gone_during_wake = gone.load();
    }
    void forget(int) noexcept override {}
    std::int64_t now() noexcept override { return 0; }
    [[nodiscard]] const char* name() const noexcept override { return "slow"; }
};

TEST(interrupt, the_guard_stays_while_a_handler_uses_its_loop) {
    std::signal(SIGINT, SIG_DFL);
    std::atomic<int> count{0};
    auto os = std::make_unique<slow_backend>();
    std::optional<bide::detail::interrupt_guard> guard(std::in_place, count, *os);
    ASSERT_TRUE(guard->installed());
    std::atomic<bool> end{false};
    std::thread other([&] {
        while (!end) std::this_thread::yield();
    });
    ::pthread_kill(other.native_handle(), SIGINT);
    while (!in_wake) std::this_thread::yield();
    guard.reset();
    gone = true;
    os.reset();
    end = true;
    other.join();
    EXPECT_FALSE(gone_during_wake);
    EXPECT_EQ(count, 1);
}

}  // namespace

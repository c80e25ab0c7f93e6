// bide/testing: a backend with virtual time and faults on demand, on top of a real one.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "os/backend.hpp"

#include <bide/detail/loop/loop_state.hpp>

namespace bide::detail {

// Operations are performed by the real backend. The clock stands still while anything can happen without it and jumps
// to the next deadline when nothing can: no operation finishes, and no other thread is at work for the loop.
class test_backend final : public backend {
public:
    explicit test_backend(std::unique_ptr<backend> real, bool virtual_time) noexcept;

    void submit(timer_node& node) noexcept override;
    void cancel(timer_node& node) noexcept override;
    void poll(std::int64_t deadline, ready_queue& done) noexcept override;
    void wake() noexcept override;
    void forget(int fd) noexcept override;
    std::int64_t now() noexcept override;
    [[nodiscard]] const char* name() const noexcept override { return real_->name(); }
    void give_back(void* data) noexcept override { real_->give_back(data); }
    std::ptrdiff_t receive_now(int fd, void* data, std::size_t size) noexcept override {
        return real_->receive_now(fd, data, size);
    }
    std::ptrdiff_t send_now(int fd, std::string_view bytes, send_owner& owner,
                            bool others_follow) noexcept override {
        const std::ptrdiff_t sent = real_->send_now(fd, bytes, owner, others_follow);
        settle();
        return sent;
    }
    void send_held() noexcept override {
        real_->send_held();
        settle();
    }

    // The loop that uses this backend: tells whether other threads work for it.
    void attach(const loop_state& loop) noexcept { loop_ = &loop; }

    // The operation with this number, counted from 0, does nothing and reports -error.
    void fail(std::uint64_t number, int error) noexcept {
        fault_at_ = number;
        fault_ = error;
    }
    [[nodiscard]] std::uint64_t submitted() const noexcept { return submitted_; }

private:
    void settle() noexcept {
        in_flight_ = real_->in_flight() + faults_waiting_;
        holds_sends_ = real_->holds_sends();
    }

    std::unique_ptr<backend> real_;
    const loop_state* loop_ = nullptr;
    bool virtual_time_;
    std::int64_t now_ = 0;
    std::uint64_t submitted_ = 0;
    std::uint64_t fault_at_ = UINT64_MAX;
    int fault_ = 0;
    std::uint32_t faults_waiting_ = 0;
    ready_queue faulted_;
    std::atomic<bool> woken_{false};  // since the last look; a signal handler may say so
};

}  // namespace bide::detail

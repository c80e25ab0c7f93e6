// bide/system: what a process_event is: one word that counts how often it was set, and whether it still is.
#pragma once

#include <bide/detail/sync/wait_queue.hpp>
#include <bide/process_event.hpp>

#include <coroutine>
#include <cstdint>
#include <string>

#include "system/ipc_block.hpp"
#include "system/ipc_hub.hpp"

namespace bide::detail {

class process_flag final : public ipc_user {
public:
    process_flag(std::string name, block_open how) : block_(shape(), std::move(name), how) {}
    explicit process_flag(int fd) : block_(shape(), fd) {}
    process_flag(const process_flag&) = delete;
    process_flag& operator=(const process_flag&) = delete;
    ~process_flag() = default;

    [[nodiscard]] ipc_block& block() noexcept override { return block_; }
    [[nodiscard]] bool is_set() const noexcept { return (word().load() & flag_bit) != 0; }
    void set();
    void clear() noexcept { word().fetch_and(~flag_bit); }

    // Whether it is set; else notes how often it was.
    [[nodiscard]] bool begin(process_event_awaiter& what) const noexcept;
    void suspend(process_event_awaiter& what, std::coroutine_handle<> frame);
    void look() noexcept override;
    void loop_closes() noexcept override;

private:
    static ipc_shape shape() noexcept;
    static cancel_outcome cancel(wait& what, task_base& task) noexcept;
    static void detach(wait& what, task_base& task) noexcept;
    static const wait_kind waiting;
    static constexpr std::uint64_t flag_bit = 1;  // the count is above it

    [[nodiscard]] shared_word& word() const noexcept {
        return *reinterpret_cast<shared_word*>(block_.body());  // the shape's fill() has made it
    }
    void leave_row() noexcept;
    void refresh() {
        if (!block_.is_joined()) begin_anew();
    }
    void forget_tasks() noexcept override;

    ipc_block block_;
    wait_queue row_;
};

}  // namespace bide::detail

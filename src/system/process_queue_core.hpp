// bide/system: the part of a process_queue that does not depend on what it holds.
//
// A ring of items, and two rows: those who wait for an item and those who wait for room. A wake-up is a hint here: whoever
// wakes tries, and waits on, in his place, when somebody else was faster. So an item is in the ring or with the task that
// took it, never on the way; and whoever comes may take an item while the process that was woken for it is slow. But those
// who wait are not woken in its place: one that is stopped, or computes, keeps its hint until it looks or dies. Within a
// process nobody overtakes.
#pragma once

#include <bide/detail/base/wait_list.hpp>
#include <bide/detail/sync/wait_queue.hpp>
#include <bide/detail/system/process_queue_core.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "system/ipc_block.hpp"
#include "system/ipc_hub.hpp"
#include "system/shared_ring.hpp"

namespace bide::detail {

inline constexpr int getters = 0;
inline constexpr int putters = 1;

// Waits until there may be an item, or room for one. `again`: after one such wait, in vain: in the first place.
class queue_turn : public awaitable_tag, public wait {
public:
    queue_turn(process_queue_core& queue, int row, std::size_t size, bool again) noexcept
        : wait{nullptr}, queue_(&queue), size_(size), row_(row), again_(again) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame);
    void await_resume() const;

private:
    friend process_queue_core;

    process_queue_core* queue_;
    std::size_t size_;
    int row_;
    bool again_;
};

class process_queue_core final : public ipc_user {
public:
    process_queue_core(std::string name, std::size_t maxsize, std::size_t capacity, block_open how);
    explicit process_queue_core(int fd);
    process_queue_core(const process_queue_core&) = delete;
    process_queue_core& operator=(const process_queue_core&) = delete;
    ~process_queue_core();

    [[nodiscard]] ipc_block& block() noexcept override { return block_; }
    [[nodiscard]] const shared_ring& ring() const noexcept { return ring_; }

    // `waited`: it is this task's turn. `patient`: see shared_ring.
    queue_step put(std::string_view bytes, bool waited, bool patient);
    queue_step take(std::string& bytes, bool waited, bool patient);
    void shut_down(bool drop_items);
    // There may be something for this row: for the process that has waited longest.
    void changed(int which) noexcept;

    void suspend(queue_turn& what, std::coroutine_handle<> frame);
    void resumed(const queue_turn& what);
    void look() noexcept override;
    void loop_closes() noexcept override;

    static void unlink(std::string_view name);

private:
    struct row {
        wait_list tasks;
        std::size_t woken = 0;  // and have not tried yet
        bool entered = false;   // in the row of all processes, but for the moment after it was rung
    };

    void open_ring();
    void refresh() {
        if (!block_.is_joined()) begin_anew();
    }
    void forget_tasks() noexcept override;
    [[nodiscard]] bool may_go(int which) const noexcept;
    void look_at(int which) noexcept;
    void leave_row(int which) noexcept;
    void withdraw(queue_turn& what, task_base& task) noexcept;

    static cancel_outcome cancel(wait& what, task_base& task) noexcept;
    static void detach(wait& what, task_base& task) noexcept;
    static const wait_kind waiting[2];

    ipc_block block_;
    shared_ring ring_;
    row rows_[2];
};

}  // namespace bide::detail

// bide/system: places that processes take, wait for and give back: what a process_lock and a process_semaphore are.
//
// The body is one word for each place: the member that has it, or nobody. A free place may be taken by the member that has
// waited longest, and by anybody while nobody waits; so there is nothing to hand over, and nothing to get lost on the way.
// A member waits once, however many of its tasks do: it takes a place for the first of them, wakes it, and waits behind
// all others for the next one.
#pragma once

#include <bide/detail/sync/wait_queue.hpp>
#include <bide/detail/system/gate_awaiter.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "system/ipc_block.hpp"
#include "system/ipc_hub.hpp"

namespace bide::detail {

// A kind of gate.
struct gate_kind {
    ipc_shape shape;
    const wait_kind* waiting;
};

class process_gate final : public ipc_user {
public:
    process_gate(const gate_kind& kind, std::string name, block_open how);
    process_gate(const gate_kind& kind, int fd);
    process_gate(const process_gate&) = delete;
    process_gate& operator=(const process_gate&) = delete;
    ~process_gate() = default;

    [[nodiscard]] ipc_block& block() noexcept override { return block_; }
    [[nodiscard]] std::size_t places() const noexcept { return places_; }
    [[nodiscard]] std::size_t free_places() const noexcept;
    [[nodiscard]] bool would_wait() const noexcept;
    // Whether this handle has a place.
    [[nodiscard]] bool holds_any() const noexcept { return !held_.empty() && block_.is_joined(); }
    // The process that has the first place; 0 when nobody has.
    [[nodiscard]] int holder() const noexcept;

    bool try_acquire();
    // One that it holds.
    void release();
    void give_back() noexcept;

    // Of the place that was acquired last: the process that died with it, 0 when none did.
    [[nodiscard]] int died_with_it() const noexcept;
    // Gives it back as it was taken.
    void give_back_unused() noexcept;

    void suspend(gate_awaiter& what, std::coroutine_handle<> frame);
    void look() noexcept override;
    void loop_closes() noexcept override;

    // What a dead member had.
    static void free_places_of(ipc_block& block, unsigned member, process_key who) noexcept;
    static void abandon_places_of(ipc_block& block, unsigned member, process_key who) noexcept;
    static void fill(std::byte* body, const ipc_shape& shape);

    static cancel_outcome cancel(wait& what, task_base& task) noexcept;
    static void detach(wait& what, task_base& task) noexcept;

private:
    void prepare_body();
    void refresh() {
        if (!block_.is_joined()) begin_anew();
    }
    void forget_tasks() noexcept override;
    int take() noexcept;
    [[nodiscard]] bool any_free() const noexcept;
    void put_back(bool keep_mark) noexcept;
    void leave_row() noexcept;
    void pass_on() noexcept;
    void withdraw(task_base& task) noexcept;

    const wait_kind& waiting_;
    ipc_block block_;
    shared_word* words_ = nullptr;
    std::size_t places_ = 0;
    std::size_t look_from_ = 0;        // where a free place was last
    std::vector<std::uint16_t> held_;  // by this handle
    wait_queue row_;
};

}  // namespace bide::detail

// bide/exec: something that another thread will send to a loop, which may be closed by then.
//
// A parcel is announced on the loop's thread and sent once, from any thread. Two own it: the loop, which has it in a
// list and counts it as something that may still wake it, and the sender. Sent in time, it belongs to the loop alone.
// When the loop closes first, it gives back what is the loop's (abandon) and its share; the sender then finds the
// door shut and gives up the other share. So nothing is touched by a thread to which it does not belong.
#pragma once

#include <bide/detail/base/block_pool.hpp>
#include <bide/detail/base/node.hpp>
#include <bide/detail/loop/loop_state.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace bide::detail {

class loop_door;

class parcel : public ready_node {
public:
    parcel() noexcept : ready_node{&table} {}
    parcel(const parcel&) = delete;
    parcel& operator=(const parcel&) = delete;

    static void* operator new(std::size_t size) { return pool_allocate(size); }
    static void operator delete(void* at, std::size_t size) noexcept { pool_free(at, size); }

    // Loop thread, before anybody can send it. Throws invalid_state_error when the loop is closed.
    void announce(loop_state& loop);
    // Any thread, once. The parcel must not be touched afterwards.
    void send() noexcept;
    // Loop thread: nobody will send it after all. Destroys it.
    void recall() noexcept;

    // Those that any thread may keep for as long as they like.
    [[nodiscard]] const std::shared_ptr<loop_door>& door() const noexcept { return door_; }

    static parcel& of(ring_link& link) noexcept;
    // Loop thread, while the loop closes: it will not come any more.
    void give_up() noexcept;

protected:
    // In abandon(): nobody will send it.
    void sender_is_gone() noexcept { shares_.fetch_sub(1, std::memory_order_relaxed); }

    virtual ~parcel();
    // Loop thread: it has come. Destroyed afterwards.
    virtual void arrive() = 0;
    // Loop thread: the loop closes. Gives back what only the loop's thread may touch.
    virtual void abandon() noexcept = 0;

private:
    static void run(ready_node& node);
    static void discard(ready_node& node) noexcept;
    static const ready_ops table;

    void leave_list() noexcept;

    struct listed : ring_link {
        parcel* owner = nullptr;
    };
    listed link_;
    loop_state* loop_ = nullptr;
    std::shared_ptr<loop_door> door_;
    std::atomic<std::uint32_t> shares_{2};
};

}  // namespace bide::detail

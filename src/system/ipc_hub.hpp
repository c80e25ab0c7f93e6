// bide/system: how a loop waits for other processes: the door at which they ring, and who of them is still alive.
//
// A loop has one door for everything that its tasks wait for on shared memory. While anybody waits, one receive is in
// flight on it; whatever comes, all who wait look. Processes that somebody waits for are watched from a moment later on:
// most waits end before that, and then they cost one system call. While nobody waits nothing is in flight, so that a
// loop which nothing can wake is still found out.
#pragma once

#include <bide/detail/base/node.hpp>
#include <bide/detail/loop/loop_state.hpp>
#include <bide/detail/os/op.hpp>
#include <bide/detail/sync/wait_queue.hpp>
#include <bide/loop.hpp>

#include <cstdint>
#include <vector>

#include "loop/loop_core.hpp"
#include "os/fd.hpp"
#include "os/peer.hpp"

namespace bide::detail {

class ipc_block;
class ipc_hub;

// A handle whose tasks wait, once the hub knows it.
class ipc_user : public ring_link {
public:
    // Something may have changed: wakes the tasks that can go on.
    virtual void look() noexcept = 0;
    // The loop closes: leaves the rows. The tasks are destroyed later.
    virtual void loop_closes() noexcept = 0;
    [[nodiscard]] virtual ipc_block& block() noexcept = 0;

    std::uint64_t peers_known = 0;  // block().joined() when the hub was last told to watch its members

protected:
    ~ipc_user() = default;
    // In the child of a fork, where the block is not joined: the handle begins with nothing. The tasks that wait are the
    // parent's, and so is the hub, whose ring is not touched.
    void begin_anew();
    virtual void forget_tasks() noexcept = 0;

    loop_binding home_;
    ipc_hub* hub_ = nullptr;  // while tasks wait
};

// One operation that waits for a descriptor: the door, or a process. It outlives the hub while it is in flight.
class ipc_watch : public timer_node {
public:
    // Of the door when `who` is 0.
    ipc_watch(ipc_hub& hub, loop_core& loop, unique_fd fd, process_key who) noexcept;

    void start() noexcept;
    void stop() noexcept;
    // The hub does not want it any more.
    void drop() noexcept;

    const process_key who;

private:
    ~ipc_watch() = default;
    static void run(ready_node& node);
    static void discard(ready_node& node) noexcept;
    static constexpr ready_ops table{run, discard};
    void destroy() noexcept;

    ipc_hub* hub_;
    loop_core& loop_;
    unique_fd fd_;
    bool in_flight_ = false;
    op_request operation_;
    char byte_ = 0;
};

class ipc_hub {
public:
    explicit ipc_hub(loop_core& loop) noexcept : loop_(loop) {}
    ~ipc_hub();
    ipc_hub(const ipc_hub&) = delete;
    ipc_hub& operator=(const ipc_hub&) = delete;

    // Before a task waits: all that may fail. Gives the door. Throws std::system_error, std::bad_alloc.
    std::uint64_t prepare();
    void add(ipc_user& user) noexcept;
    void remove(ipc_user& user) noexcept;

private:
    friend ipc_watch;

    void came_back(ipc_watch& watch, int result);
    void look_at_all();
    void ended(process_key who);
    void patrol();
    void patrol_after(std::chrono::milliseconds delay);
    [[nodiscard]] bool is_watched(process_key who) const noexcept;

    loop_core& loop_;
    ring_link users_;
    ipc_watch* door_watch_ = nullptr;
    std::uint64_t door_ = 0;
    std::vector<ipc_watch*> peers_;
    timer_handle patrol_timer_;
    bool patrol_is_set_ = false;
};

// The hub of the running loop. Throws invalid_state_error when none runs.
ipc_hub& running_ipc_hub(const char* call);

}  // namespace bide::detail

// bide/system: the loop's side of a process pool.
//
// Calls wait in the queue until a slot is free (system/pool_board.hpp), so that each is in one of three places: the queue,
// a slot that no worker has taken, a slot that one has. The first two can be taken back.
//
// The pool lives until nobody has it: the program's handle, its bell while the loop waits for it, each worker until it is
// reaped, everybody who waits for the end.
#pragma once

#include <bide/detail/loop/loop_state.hpp>
#include <bide/detail/os/op.hpp>
#include <bide/event.hpp>
#include <bide/process_pool.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "loop/loop_core.hpp"
#include "os/fork_count.hpp"
#include "system/child_process.hpp"
#include "system/pool_blocks.hpp"
#include "system/pool_board.hpp"
#include "system/shared_arena.hpp"

namespace bide::detail {

// A place for a worker; another one may take it later.
class pool_worker final : public child_watcher {
public:
    pool_core* pool = nullptr;
    std::uint32_t number = 0;
    child_ref child{nullptr};             // while it runs
    std::uint32_t killed_slot = no_slot;  // its call was cancelled, so it is being killed

private:
    void child_ended(int code) override;
};

class pool_core final : loop_guest {
public:
    pool_core(loop_core& loop, const pool_settings& settings);
    pool_core(const pool_core&) = delete;
    pool_core& operator=(const pool_core&) = delete;

    void retain() noexcept { ++refs_; }
    void release() noexcept {
        if (--refs_ == 0) delete this;
    }

    // Throws what submit() throws; starts a worker where that helps.
    void prepare(const char* call);
    void place(process_call& call, const process_function& function, const argument_source& from);
    void withdraw(process_call& call) noexcept;

    [[nodiscard]] shared_bytes allocate(std::size_t size);

    void close() noexcept;
    // Ends the pool: every pending call fails with `why`, and so will submit().
    void end(int signal, const std::string& why, bool unexpected = false) noexcept;
    void drop() noexcept;

    void worker_ended(pool_worker& worker, int code);

    [[nodiscard]] loop_core& loop() const noexcept { return *loop_; }
    [[nodiscard]] bool has_loop() const noexcept { return loop_ != nullptr; }
    [[nodiscard]] const pool_settings& settings() const noexcept { return settings_; }
    [[nodiscard]] std::size_t most_workers_here() const noexcept { return workers_.size(); }
    [[nodiscard]] std::uint32_t running() const noexcept { return running_; }
    [[nodiscard]] std::size_t pending() const noexcept { return pending_; }
    [[nodiscard]] std::vector<int> pids() const;
    [[nodiscard]] bool takes_calls() const noexcept { return open_ && !broken_; }
    [[nodiscard]] bool is_dropped() const noexcept { return dropped_; }

    event ended;  // closed or broken, and no worker is left

private:
    struct bell_node : timer_node {
        pool_core* pool = nullptr;
    };
    struct occupant {
        process_call* call = nullptr;  // null: nobody wants the result
        void (*discard)(std::string_view) = nullptr;
        const process_function* function = nullptr;
        std::vector<std::uint64_t> blocks;
    };

    ~pool_core();
    pool_board& board() const noexcept { return *reinterpret_cast<pool_board*>(segment_.data()); }
    // Not in a forked child: what is shared belongs to the parent, and so do the workers.
    [[nodiscard]] bool is_ours() const noexcept { return made_in_ == fork_count(); }
    void check_process(const char* call) const;

    static void heard(ready_node& node);
    static void unheard(ready_node& node) noexcept;
    static constexpr ready_ops bell_table{heard, unheard};
    void listen() noexcept;
    void collect() noexcept;
    void finish(std::uint32_t number) noexcept;
    void deliver(process_call& call, const call_slot& slot, std::string_view bytes) noexcept;
    [[nodiscard]] std::string_view bytes_of(const call_slot& slot) const noexcept;
    void free_slot(std::uint32_t number) noexcept;
    void take_back(std::uint32_t number) noexcept;
    void refill() noexcept;

    bool put(process_call& call, const argument_source& from);
    bool fill(std::uint32_t number, process_call& call, const argument_source& from);
    [[nodiscard]] call_target target_of(const process_function& function);
    void wake_one() noexcept;
    void write(process_call& call, const argument_source& from, std::byte* at);
    void give_back(std::vector<std::uint64_t>& blocks) const noexcept;
    void leave(process_call& call) noexcept;
    void fail_all(const std::exception_ptr& why, bool unexpected) noexcept;
    void end_if_done() noexcept;

    [[nodiscard]] bool wants_worker() const noexcept;
    void start_worker();
    void start_wanted_workers() noexcept;
    [[nodiscard]] std::string obituary(const pool_worker& worker, int code) const;

    static void loop_closes(loop_guest& guest) noexcept;

    std::uint32_t refs_ = 1;
    const std::uint32_t made_in_ = fork_count();
    loop_core* loop_;  // null when it is closed
    const pool_settings settings_;
    const std::shared_ptr<shared_arena> arena_;
    const sys::shared_segment& segment_;
    unique_fd bell_;
    bell_node node_;
    op_request operation_;
    bool listens_ = false;
    std::unique_ptr<pool_blocks> blocks_;

    std::vector<pool_worker> workers_;
    std::uint32_t running_ = 0;

    ring_link queue_;  // process_call
    std::size_t queued_ = 0;
    std::vector<std::uint32_t> free_;
    std::vector<occupant> slots_;
    std::uint32_t occupied_ = 0;
    std::size_t pending_ = 0;
    std::unordered_map<const process_function*, call_target> targets_;
    const process_function* last_function_ = nullptr;
    call_target last_target_;

    bool open_ = true;
    bool dropped_ = false;  // by the program
    std::exception_ptr broken_;
};

}  // namespace bide::detail

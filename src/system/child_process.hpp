// bide/system: a child process, from its start until it is reaped.
//
// While it runs, one operation waits for its end, whether or not a task does: so it is reaped as soon as it has ended,
// by its own process descriptor, and nothing else in the program can take it for one of its own children. The operation
// holds a reference, so the record outlives a `process` that is dropped.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/base/node.hpp>
#include <bide/detail/os/op.hpp>
#include <bide/event.hpp>
#include <bide/stream.hpp>
#include <bide/subprocess.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "loop/loop_core.hpp"
#include "os/fd.hpp"
#include "os/fork_count.hpp"
#include "system/spawn.hpp"

namespace bide::detail {

// Is told at once when a child has ended, unless its loop closes first.
class child_watcher {
public:
    virtual void child_ended(int code) = 0;

protected:
    ~child_watcher() = default;
};

class child_process : timer_node, ring_link {
public:
    explicit child_process(loop_core& loop) noexcept;
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;

    static child_process& of(ring_link& link) noexcept { return static_cast<child_process&>(link); }

    // The program runs.
    void begin(ring_link& children, spawned made) noexcept;

    void retain() noexcept { ++refs_; }
    void release() noexcept;

    // Nobody wants it any more: killed if it runs.
    void drop() noexcept;
    void loop_closes() noexcept;

    [[nodiscard]] int pid() const noexcept { return pid_; }
    [[nodiscard]] std::optional<int> code() const noexcept { return code_; }

    // -errno.
    int signal(int number) noexcept;

    // The descriptors of the streams that are pipes and still open, -1 for the others.
    [[nodiscard]] int descriptor(int which) const noexcept;
    [[nodiscard]] bool pipes_closed() const noexcept;

    std::optional<stream_writer> in;
    std::optional<stream_reader> out;
    std::optional<stream_reader> err;
    stream_ref sources[3];  // what carries them
    bool has_terminal = false;

    // What communicate() has read.
    std::string out_text;
    std::string err_text;

    event exited;
    child_watcher* watcher = nullptr;

private:
    ~child_process() = default;

    static void run(ready_node& node);
    static void discard(ready_node& node) noexcept;
    static constexpr ready_ops table{run, discard};

    [[nodiscard]] bool is_ours() const noexcept { return made_in_ == fork_count(); }
    void watch(const op_kind& kind) noexcept;
    void ended(int code);
    // Reaps one that was killed.
    void reap_now() noexcept;
    void close_pidfd() noexcept;
    void close_pipes() noexcept;

    std::uint32_t refs_ = 1;
    const std::uint32_t made_in_ = fork_count();
    loop_core* loop_;  // null when it is closed
    int pid_ = 0;
    unique_fd pidfd_;
    std::optional<int> code_;
    op_request end_;
};

// Starts the program and connects its pipes. Nothing is left of it when this throws.
child_ref start_child(const char* call, const std::vector<std::string>& arguments,
                      const child_settings& settings);

coro<int> until_closed(child_ref child);
coro<process_output> talk(child_ref child, std::string input);

}  // namespace bide::detail

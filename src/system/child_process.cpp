// bide/system: a child process, from its start until it is reaped.
#include "system/child_process.hpp"

#include <bide/detail/os/ops.hpp>

#include <cerrno>
#include <csignal>
#include <utility>

#include "net/stream_core.hpp"
#include "os/child.hpp"

namespace bide::detail {

void retain_child(child_process& child) noexcept { child.retain(); }
void release_child(child_process& child) noexcept { child.release(); }

child_process::child_process(loop_core& loop) noexcept : timer_node{}, loop_(&loop) { ops = &table; }

void child_process::begin(ring_link& children, spawned made) noexcept {
    pid_ = made.pid;
    pidfd_ = std::move(made.pidfd);
    insert_before(children);
    watch(pidfd_ ? poll_read_op : wait_child_op);
}

void child_process::release() noexcept {
    if (--refs_ == 0) delete this;
}

void child_process::watch(const op_kind& kind) noexcept {
    end_ =
        op_request{.kind = &kind, .args = {.fd = pidfd_.get(), .offset = static_cast<std::uint64_t>(pid_)}};
    request = &end_;
    retain();
    loop_->submit(*this);
}

void child_process::run(ready_node& node) {
    auto& self = static_cast<child_process&>(node);
    const child_ref hold(&self);  // takes over the operation's reference
    int code = 0;
    if (sys::reap_child({self.pidfd_.get(), self.pid_}, code, false)) return self.ended(code);
    // The wait failed and the child has not ended. A worker thread can wait in its place.
    self.watch(wait_child_op);
}

// The loop has closed.
void child_process::discard(ready_node& node) noexcept {
    auto& self = static_cast<child_process&>(node);
    const child_ref hold(&self);
    self.reap_now();
}

void child_process::ended(int code) {
    code_ = code;
    close_pidfd();
    unlink();
    exited.set();
    if (watcher != nullptr) std::exchange(watcher, nullptr)->child_ended(code);
}

void child_process::close_pidfd() noexcept {
    if (!pidfd_) return;
    if (loop_ != nullptr) loop_->loop->forget(pidfd_.get());
    pidfd_.reset();
}

void child_process::reap_now() noexcept {
    loop_ = nullptr;
    unlink();
    int code = 0;
    if (!code_ && is_ours()) {
        const bool killed = sys::signal_child({pidfd_.get(), pid_}, SIGKILL) == 0;
        if (sys::reap_child({pidfd_.get(), pid_}, code, killed)) code_ = code;
    }
    close_pidfd();
}

// What has ended may have left output that somebody still reads.
void child_process::drop() noexcept {
    if (code_) return;
    if (is_ours()) sys::signal_child({pidfd_.get(), pid_}, SIGKILL);
    close_pipes();
}

void child_process::loop_closes() noexcept {
    drop();
    unlink();
    if (is_ours()) loop_->os->cancel(*this);
}

// Reads of other tasks meet the end.
void child_process::close_pipes() noexcept {
    for (const stream_ref& each : sources) {
        if (each) each->abort();
    }
}

int child_process::signal(int number) noexcept {
    if (code_) return pipes_closed() ? -ESRCH : 0;
    const int result = sys::signal_child({pidfd_.get(), pid_}, number);
    return result == -ESRCH ? 0 : result;  // it has just ended
}

int child_process::descriptor(int which) const noexcept {
    return sources[which] ? sources[which]->descriptor() : -1;
}

bool child_process::pipes_closed() const noexcept {
    for (int which = 0; which < 3; ++which) {
        op_args args;
        args.fd = descriptor(which);
        if (args.fd >= 0 && poll_hangup_op.attempt(args) == -EAGAIN) return false;
    }
    return true;
}

}  // namespace bide::detail

// bide/net: a listening socket whose connections go to a function.
//
// One operation waits for a connection; when it comes back, those that are queued behind it are taken at once, up to a
// bound, so that a storm of connections is not served one per turn and still cannot starve what is connected.
//
// A connection that its peer gave up before it was accepted is no error. Without descriptors or memory, trying again at
// once would only burn the processor: whoever has them needs time to let go. So accepting pauses for a second, with one
// report until a connection is accepted again. Anything else is treated the same way, because a server that stops for
// good is worse than one that asks once a second.
#include "net/listener.hpp"

#include <bide/detail/base/scope_guard.hpp>
#include <bide/detail/os/ops.hpp>
#include <bide/error.hpp>
#include <bide/time.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>

#include "loop/loop_core.hpp"
#include "net/native_address.hpp"
#include "os/sock.hpp"

namespace bide::detail {

namespace {

constexpr int most_at_once = 64;
constexpr std::chrono::seconds pause_after_failure{1};

// Errors of the connection that was to be accepted, not of the listening socket. Source: accept(2), "Error handling".
bool is_of_connection(int error) noexcept {
    switch (error) {
        case ECONNABORTED:
        case ECONNRESET:
        case ENETDOWN:
        case EPROTO:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case EOPNOTSUPP:
        case ENETUNREACH:
        case ETIMEDOUT:
        case EPERM:  // a firewall's rule
        case EINTR: return true;
        default: return false;
    }
}

}  // namespace

class listener : timer_node {
public:
    listener(loop_state& loop, unique_fd fd, std::string path) noexcept
        : timer_node{}, loop_(loop), fd_(std::move(fd)), path_(std::move(path)) {
        ops = &table;
        if (!path_.empty() && !sys::file_identity(path_.c_str(), device_, inode_)) path_.clear();
    }

    void start(move_only_function<void(int)> accepted) {
        accepted_ = std::move(accepted);
        proceed();
    }

    void pause() noexcept {
        if (std::exchange(paused_, true) || node_ != place::backend) return;
        withdrawn_ = true;
        core().os->cancel(*this);
    }

    void resume() noexcept {
        paused_ = false;
        proceed();
    }

    void close() noexcept {
        closed_ = true;
        remove_path();
        loop_.loop->forget(fd_.get());
        if (node_ == place::backend) core().os->cancel(*this);
        if (node_ == place::timers && linked()) {
            core().timers.remove(*this);
            node_ = place::nowhere;
        }
        fd_.reset();
        if (node_ == place::nowhere) delete this;
    }

    [[nodiscard]] address where() const { return local_address_of(fd_.get()); }

private:
    // Where this node is; what came back from the first two may also be in the ready queue still.
    enum class place : std::uint8_t { nowhere, backend, timers, running };

    loop_core& core() noexcept { return static_cast<loop_core&>(loop_); }

    // Waits for the next connection, unless there is a reason not to.
    void proceed() noexcept {
        if (paused_ || node_ != place::nowhere) return;
        operation_.args = op_args{.fd = fd_.get()};
        operation_.state = op_state::idle;
        operation_.drained = std::exchange(drained_, false);
        request = &operation_;
        node_ = place::backend;
        core().submit(*this);
    }

    static void run(ready_node& node) {
        auto& self = static_cast<listener&>(node);
        const bool retries = std::exchange(self.node_, place::running) == place::timers;
        const scope_guard after([&]() noexcept {
            if (self.node_ == place::running) self.node_ = place::nowhere;
            self.closed_ ? delete &self : self.proceed();
        });
        if (!retries) self.take(self.operation_.result);
    }

    // The loop closes, and its servers were closed before.
    static void discard(ready_node& node) noexcept {
        auto& self = static_cast<listener&>(node);
        if (std::exchange(self.node_, place::nowhere) == place::backend && self.operation_.result >= 0)
            sys::close_descriptor(self.operation_.result);
        if (self.closed_) delete &self;
    }

    static constexpr ready_ops table{run, discard};

    // The first result is that of the operation; those behind it are asked for here.
    void take(int result) {
        if (std::exchange(withdrawn_, false) && result == -ECANCELED) return;
        for (int count = 1;; ++count) {
            if (closed_ && result >= 0) sys::close_descriptor(result);
            drained_ = result == -EAGAIN || result == -EWOULDBLOCK;
            if (closed_ || drained_) return;
            if (result >= 0) {
                reported_ = false;
                deliver(result);
            } else if (!is_of_connection(-result)) {
                return failed(-result);
            }
            if (closed_ || paused_ || count == most_at_once) return;
            result = operation_.kind->attempt(operation_.args);
        }
    }

    void deliver(int connection) {
        try {
            accepted_(connection);
        } catch (const base_exception&) { throw; } catch (...) {
            report(core(), {"A connection could not be served", std::current_exception(), {}, {}});
        }
    }

    void failed(int error) {
        if (!std::exchange(reported_, true)) {
            const std::string here = where().to_string();
            const auto what = std::make_exception_ptr(
                std::system_error(error, std::generic_category(), "accept on " + here));
            report(core(), {"Accepting connections is paused and tried again every second", what, {}, {}});
        }
        if (closed_) return;  // by who was told
        node_ = place::timers;
        when = deadline_after(core().os->now(), to_ns(pause_after_failure));
        core().timers.insert(*this);
    }

    // While the socket is open its inode cannot be given to another file, so an equal one is this socket.
    void remove_path() noexcept {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        if (path_.empty() || !sys::file_identity(path_.c_str(), device, inode)) return;
        if (device == device_ && inode == inode_) sys::remove_socket_file(path_.c_str());
    }

    loop_state& loop_;
    unique_fd fd_;
    op_request operation_{.kind = &accept_op, .args = {}};
    move_only_function<void(int)> accepted_;
    std::string path_;
    std::uint64_t device_ = 0;
    std::uint64_t inode_ = 0;
    place node_ = place::nowhere;
    bool paused_ = false;     // by its owner
    bool withdrawn_ = false;  // the operation was cancelled by pause()
    bool reported_ = false;   // that it is paused by a failure
    bool drained_ = false;    // nobody waits to be accepted
    bool closed_ = false;
};

listener* make_listener(loop_state& loop, unique_fd fd, std::string path) {
    return new listener(loop, std::move(fd), std::move(path));
}

void start_listener(listener& what, move_only_function<void(int)> accepted) {
    what.start(std::move(accepted));
}
void pause_listener(listener& what) noexcept { what.pause(); }
void resume_listener(listener& what) noexcept { what.resume(); }
address listener_address(const listener& what) { return what.where(); }
void close_listener(listener& what) noexcept { what.close(); }

}  // namespace bide::detail

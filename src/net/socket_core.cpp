// bide/net: the descriptor of a socket and the loop that knows it.
#include "net/socket_core.hpp"

#include <bide/detail/net/socket_ref.hpp>
#include <bide/error.hpp>
#include <bide/loop.hpp>

#include <sys/socket.h>

#include <utility>

#include "loop/loop_core.hpp"
#include "loop/loop_list.hpp"
#include "net/native_address.hpp"
#include "os/sock.hpp"

namespace bide::detail {

void retain(socket_core& of) noexcept { of.retain(); }
void release(socket_core& of) noexcept { of.release_ref(); }

void socket_core::throw_closed(const char* call) {
    throw invalid_state_error(std::string(call) + ": the socket is closed");
}

// It is closed, or this is its first operation on this loop.
void socket_core::enter(const char* call) {
    if (fd_ < 0) throw_closed(call);
    if (loop_ != nullptr && is_alive(loop_, loop_number_)) {
        auto& before = static_cast<loop_core&>(*loop_);
        if (before.runs_elsewhere()) {
            throw invalid_state_error(
                std::string(call) + " on " + name() +
                ": the socket is in use by the loop of another thread; hand the work over "
                "with call_soon_threadsafe or run_coroutine_threadsafe");
        }
        before.os->forget(fd_);
    }
    loop_ = this_loop;
    loop_number_ = loop_ == nullptr ? 0 : loop_->number;
}

void socket_core::close() noexcept {
    const int fd = std::exchange(fd_, -1);
    if (fd < 0) return;
    if (this_loop != nullptr && this_loop != loop_) this_loop->loop->forget(fd);  // a wait_readable(), say
    if (loop_ != nullptr && (loop_ == this_loop || is_alive(loop_, loop_number_))) {
        auto& core = static_cast<loop_core&>(*loop_);
        if (core.runs_elsewhere()) {
            // A mistake, but the descriptor must not be closed while that loop waits on it.
            event_loop& owner = *core.loop;
            try {
                owner.call_soon_threadsafe([&owner, fd] {
                    owner.forget(fd);
                    sys::close_descriptor(fd);
                });
                return;
            } catch (...) {  // it has ended in this moment, or there is no memory
            }
        } else {
            core.os->forget(fd);
        }
    }
    sys::close_descriptor(fd);
}

// See sendmsg_op: a ring that waits by itself sends an empty message in place of the one that had no room. Told not to
// wait, it leaves the waiting to the backend.
std::uint32_t socket_core::send_flags() const noexcept { return messages_ ? MSG_DONTWAIT : 0; }

int socket_core::release() noexcept { return std::exchange(fd_, -1); }

std::string socket_core::name() const {
    const address own = local_address();
    if (own.port() != 0 || (own.family() == address_family::local && !own.host().empty()))
        return own.to_string();
    return "descriptor " + std::to_string(fd_);
}

address socket_core::local_address() const noexcept { return local_address_of(fd_); }
address socket_core::peer_address() const noexcept { return peer_address_of(fd_); }

void throw_socket_error(const socket_core& of, const char* call, std::error_code error) {
    std::string subject;
    if (of.fd() >= 0) subject = "on " + of.name();
    // Not the address of this end, but the one where nobody is, is what to look at.
    if (error == std::errc::connection_refused) {
        const address peer = of.peer_address();
        if (peer.port() != 0) subject += " from " + peer.to_string();
    }
    throw_socket_error(of, call, subject, error);
}

void throw_socket_error(const socket_core& of, const char* call, const std::string& subject,
                        std::error_code error) {
    std::string what = call;
    if (!subject.empty()) what += " " + subject;
    if (of.fd() < 0 && error == std::errc::operation_canceled) what += ": the socket was closed";
    throw std::system_error(error, what);
}

}  // namespace bide::detail

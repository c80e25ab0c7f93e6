// bide/net: the descriptor of a socket and the loop that knows it, shared by the socket and its operations in flight.
//
// Operations look the descriptor up here when they begin, and not when they are made: by then the socket may have been
// closed, and its number may be another file's. The loop must hear of the closing before it happens (event_loop::forget),
// also when that is outside of it: it would take the next file of that number for this one.
#pragma once

#include <bide/address.hpp>
#include <bide/coro.hpp>
#include <bide/detail/loop/loop_state.hpp>
#include <bide/detail/net/socket_ref.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace bide::detail {

class socket_core {
public:
    // Takes the descriptor. `messages`: what is sent has borders, as of every type but a stream.
    socket_core(int fd, bool messages) noexcept : fd_(fd), messages_(messages) {}
    socket_core(const socket_core&) = delete;
    socket_core& operator=(const socket_core&) = delete;
    ~socket_core() { close(); }

    // The descriptor, for an operation on the running loop.
    // Throws: invalid_state_error when it is closed or another running loop's.
    int use(const char* call) {
        if (fd_ < 0 || loop_ != this_loop) [[unlikely]]
            enter(call);
        return fd_;
    }
    // The descriptor, for a call that does not wait. Throws: invalid_state_error when it is closed.
    int open(const char* call) const {
        if (fd_ < 0) [[unlikely]]
            throw_closed(call);
        return fd_;
    }
    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] bool messages() const noexcept { return messages_; }
    // For send_op.
    [[nodiscard]] std::uint32_t send_flags() const noexcept;

    void close() noexcept;
    int release() noexcept;

    // The address of this end, or "descriptor 7".
    [[nodiscard]] std::string name() const;
    [[nodiscard]] address local_address() const noexcept;
    [[nodiscard]] address peer_address() const noexcept;

    void retain() noexcept { ++refs_; }
    void release_ref() noexcept {
        if (--refs_ == 0) delete this;
    }

private:
    void enter(const char* call);
    [[noreturn]] static void throw_closed(const char* call);

    int fd_;
    const bool messages_;
    std::uint32_t refs_ = 1;
    loop_state* loop_ = nullptr;  // whose operations used it last; it may have ended since
    std::uint32_t loop_number_ = 0;
};

// socket::sendall, for other operations too.
coro<void> send_all(socket_ref core, const char* call, std::string_view bytes);

// Throws the failure of an operation: "recv on 127.0.0.1:80", or that the socket was closed meanwhile.
[[noreturn]] void throw_socket_error(const socket_core& of, const char* call, std::error_code error);
// The same with its subject: "connect 127.0.0.1:80".
[[noreturn]] void throw_socket_error(const socket_core& of, const char* call, const std::string& subject,
                                     std::error_code error);

}  // namespace bide::detail

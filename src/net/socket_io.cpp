// bide/net: the operations of a socket.
//
// Each is a coroutine that shares the socket's descriptor, so the socket may move or go while it is in flight. What the
// kernel writes to (the room, the sender's address) lives in its frame, which stays until the operation has come back.
#include <bide/socket.hpp>

#include <bide/as_result.hpp>
#include <bide/detail/core/io_awaiter.hpp>
#include <bide/detail/os/ops.hpp>
#include <bide/error.hpp>
#include <bide/resolver.hpp>
#include <bide/sleep.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>

#include "net/socket_core.hpp"

namespace bide {

namespace {

using namespace std::chrono_literals;
using detail::io_awaiter;
using detail::op_args;
using detail::socket_ref;
using detail::throw_socket_error;

socket_ref share(const socket_ref& core, const char* call) {
    if (!core) throw invalid_state_error(std::string(call) + ": the socket is closed");
    return core;
}

// For what the kernel offers no way to wait for: tried again after pauses that grow from 1 to 64 ms.
class pacer {
public:
    auto wait() noexcept {
        const auto now = next_;
        next_ = std::min(next_ * 2, std::chrono::milliseconds(64));
        return sleep(now);
    }

private:
    std::chrono::milliseconds next_ = 1ms;
};

// The other end of a unix socket has no room, and there is no way to wait for it.
bool is_full(const address& to, std::error_code error) noexcept {
    return to.family() == address_family::local && error.value() == ENOBUFS;
}

coro<void> connect_to(socket_ref core, address to) {
    op_args args;
    pacer pace;
    for (;;) {
        args.fd = core->use("connect");
        args.data = to.native();
        args.size = to.native_size();
        const result<std::size_t> done = co_await as_result(io_awaiter(detail::connect_op, args));
        if (done) co_return;
        if (!is_full(to, done.error())) throw_socket_error(*core, "connect", to.to_string(), done.error());
        co_await pace.wait();
    }
}

coro<void> connect_to(socket_ref core, std::string host, std::uint16_t port) {
    resolve_options options;
    options.family(core->local_address().family());
    const std::vector<address> found = co_await getaddrinfo(std::move(host), port, options);
    auto attempt = connect_to(std::move(core), found.front());
    co_await std::move(attempt);
}

// Into fresh memory and copied from there: cheaper than a string of `most` zeros that then keeps its size.
coro<std::string> receive(socket_ref core, std::size_t most) {
    const std::unique_ptr<char[]> room(new char[most]);
    op_args args;
    args.fd = core->use("recv");
    args.data = room.get();
    args.size = most;
    const result<std::size_t> count = co_await as_result(io_awaiter(detail::recv_op, args));
    if (!count) throw_socket_error(*core, "recv", count.error());
    co_return std::string(room.get(), *count);
}

coro<std::size_t> receive_into(socket_ref core, std::span<std::byte> room) {
    op_args args;
    args.fd = core->use("recv_into");
    args.data = room.data();
    args.size = room.size();
    const result<std::size_t> count = co_await as_result(io_awaiter(detail::recv_op, args));
    if (!count) throw_socket_error(*core, "recv_into", count.error());
    co_return *count;
}

coro<std::size_t> send_some(socket_ref core, std::string_view bytes) {
    op_args args;
    args.fd = core->use("send");
    args.data = const_cast<char*>(bytes.data());  // the record serves reads as well; send_op only reads it
    args.size = bytes.size();
    args.flags = core->send_flags();
    const result<std::size_t> count = co_await as_result(io_awaiter(detail::send_op, args));
    if (!count) throw_socket_error(*core, "send", count.error());
    co_return *count;
}

// One piece of memory and one address, as sendmsg(2) and recvmsg(2) want them. Stays where it is.
class message {
public:
    message(const void* data, std::size_t size, const address& peer) noexcept : peer_(peer) {
        piece_.iov_base = const_cast<void*>(data);  // sendmsg only reads it
        piece_.iov_len = size;
        header_.msg_name = peer_.native();
        header_.msg_namelen = static_cast<::socklen_t>(peer_.native_size());
        header_.msg_iov = &piece_;
        header_.msg_iovlen = 1;
    }
    message(void* room, std::size_t size) noexcept : message(room, size, address()) {
        header_.msg_namelen = address::capacity;
    }
    message(const message&) = delete;
    message& operator=(const message&) = delete;

    [[nodiscard]] ::msghdr& header() noexcept { return header_; }
    [[nodiscard]] address sender() noexcept {
        peer_.set_native_size(header_.msg_namelen);
        return peer_;
    }
    [[nodiscard]] bool truncated() const noexcept { return (header_.msg_flags & MSG_TRUNC) != 0; }

private:
    address peer_;
    ::iovec piece_{};
    ::msghdr header_{};
};

coro<datagram> receive_datagram(socket_ref core, std::size_t most) {
    const std::unique_ptr<char[]> room(new char[most]);
    message into(room.get(), most);
    op_args args;
    args.fd = core->use("recvfrom");
    args.data = &into.header();
    const result<std::size_t> count = co_await as_result(io_awaiter(detail::recvmsg_op, args));
    if (!count) throw_socket_error(*core, "recvfrom", count.error());
    co_return datagram(std::string(room.get(), *count), into.sender(), into.truncated());
}

coro<datagram_info> receive_datagram_into(socket_ref core, std::span<std::byte> room) {
    message into(room.data(), room.size());
    op_args args;
    args.fd = core->use("recvfrom_into");
    args.data = &into.header();
    const result<std::size_t> count = co_await as_result(io_awaiter(detail::recvmsg_op, args));
    if (!count) throw_socket_error(*core, "recvfrom_into", count.error());
    co_return datagram_info(*count, into.sender(), into.truncated());
}

coro<std::size_t> send_datagram(socket_ref core, std::string_view bytes, address to) {
    message from(bytes.data(), bytes.size(), to);
    op_args args;
    pacer pace;
    for (;;) {
        args.fd = core->use("sendto");
        args.data = &from.header();
        const result<std::size_t> count = co_await as_result(io_awaiter(detail::sendmsg_op, args));
        if (count) co_return *count;
        if (!is_full(to, count.error())) throw_socket_error(*core, "sendto", to.to_string(), count.error());
        co_await pace.wait();
    }
}

}  // namespace

coro<void> detail::send_all(socket_ref core, const char* call, std::string_view bytes) {
    op_args args;
    while (!bytes.empty()) {
        args.fd = core->use(call);
        args.data = const_cast<char*>(bytes.data());
        args.size = bytes.size();
        args.flags = core->send_flags();
        const result<std::size_t> count = co_await as_result(io_awaiter(send_op, args));
        if (!count) throw_socket_error(*core, call, count.error());
        bytes.remove_prefix(*count);
    }
}

coro<accepted_socket> socket::accept_from(socket_ref core) {
    address peer;
    ::socklen_t size = address::capacity;
    op_args args;
    args.fd = core->use("accept");
    args.data = peer.native();
    args.offset = reinterpret_cast<std::uint64_t>(&size);
    const result<std::size_t> fd = co_await as_result(io_awaiter(detail::accept_op, args));
    if (!fd) throw_socket_error(*core, "accept", fd.error());
    peer.set_native_size(size);
    co_return accepted_socket(socket(static_cast<int>(*fd), core->messages()), peer);
}

coro<void> socket::connect(address to) { return connect_to(share(core_, "connect"), to); }
coro<void> socket::connect(std::string host, std::uint16_t port) {
    return connect_to(share(core_, "connect"), std::move(host), port);
}

coro<accepted_socket> socket::accept() { return accept_from(share(core_, "accept")); }

coro<std::string> socket::recv(std::size_t most) { return receive(share(core_, "recv"), most); }
coro<std::size_t> socket::recv_into(std::span<std::byte> room) {
    return receive_into(share(core_, "recv_into"), room);
}

coro<std::size_t> socket::send(std::string_view bytes) { return send_some(share(core_, "send"), bytes); }
coro<void> socket::sendall(std::string_view bytes) {
    return detail::send_all(share(core_, "sendall"), "sendall", bytes);
}

coro<datagram> socket::recvfrom(std::size_t most) { return receive_datagram(share(core_, "recvfrom"), most); }
coro<datagram_info> socket::recvfrom_into(std::span<std::byte> room) {
    return receive_datagram_into(share(core_, "recvfrom_into"), room);
}
coro<std::size_t> socket::sendto(std::string_view bytes, address to) {
    return send_datagram(share(core_, "sendto"), bytes, to);
}

}  // namespace bide

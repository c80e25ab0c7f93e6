// bide/net: the life and the settings of a socket.
#include <bide/socket.hpp>

#include <bide/error.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "net/native_address.hpp"
#include "net/socket_core.hpp"
#include "os/fd.hpp"
#include "os/sock.hpp"

namespace bide {

namespace {

namespace sys = detail::sys;

int checked(int result, const std::string& call) {
    if (result < 0) throw std::system_error(-result, std::generic_category(), call);
    return result;
}

int family_to_open(address_family family) {
    if (family != address_family::unspecified) return detail::native_family(family);
    throw std::invalid_argument("socket: the address family is unspecified; choose ipv4, ipv6 or local");
}

int native_type(socket_type type) {
    switch (type) {
        case socket_type::stream: return SOCK_STREAM;
        case socket_type::datagram: return SOCK_DGRAM;
        case socket_type::seqpacket: return SOCK_SEQPACKET;
    }
    throw std::invalid_argument("socket: unknown type " + std::to_string(static_cast<int>(type)));
}

int open_descriptor(const detail::socket_ref& core, const char* call) {
    if (!core) throw invalid_state_error(std::string(call) + ": the socket is closed");
    return core->open(call);
}

void set_flag(const detail::socket_ref& core, int level, int name, bool on, const char* called) {
    const int fd = open_descriptor(core, called);
    checked(sys::set_option(fd, level, name, on ? 1 : 0),
            std::string("set ") + called + " on " + core->name());
}

}  // namespace

socket::socket(int fd, bool messages) {
    try {
        core_ = detail::socket_ref(new detail::socket_core(fd, messages));
    } catch (...) {
        sys::close_descriptor(fd);
        throw;
    }
}

socket::socket(address_family family, socket_type type)
    : socket(checked(sys::open_socket(family_to_open(family), native_type(type), 0), "socket"),
             type != socket_type::stream) {}

socket socket::adopt(int fd) {
    int type = 0;
    checked(sys::get_option(fd, SOL_SOCKET, SO_TYPE, type), "adopt descriptor " + std::to_string(fd));
    checked(sys::set_non_blocking(fd), "adopt descriptor " + std::to_string(fd));
    return socket(fd, type != SOCK_STREAM);
}

std::pair<socket, socket> socketpair(socket_type type) {
    int ends[2] = {-1, -1};
    checked(sys::open_pair(native_type(type), ends), "socketpair");
    detail::unique_fd second(ends[1]);
    const bool messages = type != socket_type::stream;
    socket first(ends[0], messages);
    return {std::move(first), socket(second.release(), messages)};
}

socket& socket::operator=(socket&& other) noexcept {
    if (this != &other) {
        close();
        core_ = std::move(other.core_);
    }
    return *this;
}

void socket::close() noexcept {
    if (core_) core_->close();
}

int socket::release() noexcept { return core_ ? core_->release() : -1; }

int socket::fileno() const noexcept { return core_ ? core_->fd() : -1; }
address socket::local_address() const { return core_ ? core_->local_address() : address(); }
address socket::peer_address() const { return core_ ? core_->peer_address() : address(); }

void socket::bind(const address& where) {
    const int fd = open_descriptor(core_, "bind");
    checked(sys::bind_socket(fd, where.native(), where.native_size()), "bind " + where.to_string());
}

void socket::listen(int backlog) {
    const int fd = open_descriptor(core_, "listen");
    checked(sys::listen_socket(fd, backlog), "listen on " + core_->name());
}

void socket::shutdown(shutdown_how how) {
    constexpr int native[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};
    const int fd = open_descriptor(core_, "shutdown");
    checked(sys::shut_down_socket(fd, native[static_cast<int>(how)]), "shutdown of " + core_->name());
}

void socket::setsockopt(int level, int name, int value) {
    const int fd = open_descriptor(core_, "setsockopt");
    checked(sys::set_option(fd, level, name, value),
            "setsockopt " + std::to_string(name) + " to " + std::to_string(value) + " on " + core_->name());
}

int socket::getsockopt(int level, int name) const {
    int value = 0;
    const int fd = open_descriptor(core_, "getsockopt");
    checked(sys::get_option(fd, level, name, value),
            "getsockopt " + std::to_string(name) + " of " + core_->name());
    return value;
}

void socket::set_no_delay(bool on) { set_flag(core_, IPPROTO_TCP, TCP_NODELAY, on, "TCP_NODELAY"); }
void socket::set_keep_alive(bool on) { set_flag(core_, SOL_SOCKET, SO_KEEPALIVE, on, "SO_KEEPALIVE"); }
void socket::set_reuse_address(bool on) { set_flag(core_, SOL_SOCKET, SO_REUSEADDR, on, "SO_REUSEADDR"); }
void socket::set_reuse_port(bool on) { set_flag(core_, SOL_SOCKET, SO_REUSEPORT, on, "SO_REUSEPORT"); }
void socket::set_broadcast(bool on) { set_flag(core_, SOL_SOCKET, SO_BROADCAST, on, "SO_BROADCAST"); }
void socket::set_v6_only(bool on) { set_flag(core_, IPPROTO_IPV6, IPV6_V6ONLY, on, "IPV6_V6ONLY"); }

}  // namespace bide

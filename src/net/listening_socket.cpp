// bide/net: sockets that servers listen on: bound, inherited, or in the place of a stale unix socket.
#include "net/listening_socket.hpp"

#include <bide/error.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include "net/native_address.hpp"
#include "net/unix_path.hpp"
#include "os/inherited_sockets.hpp"
#include "os/sock.hpp"

namespace bide::detail {

namespace {

[[noreturn]] void fail(int error, const std::string& what, const address& where) {
    throw std::system_error(error, std::generic_category(), what + " " + where.to_string());
}

// Connections inherit both from the socket that they come in on.
void set_inherited_options(int fd, const server_options& options) noexcept {
    sys::set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (options.keep_alive()) sys::set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

}  // namespace

unique_fd listen_at(const address& where, const server_options& options) {
    const int family = native_family(where.family());
    unique_fd fd(sys::open_socket(family, SOCK_STREAM, 0));
    if (!fd) fail(-fd.release(), "socket for", where);
    if (family != AF_UNIX) {
        if (options.reuse_address()) sys::set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
        if (options.reuse_port()) sys::set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
        // Both families can then bind the same port.
        if (family == AF_INET6) sys::set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
        set_inherited_options(fd.get(), options);
    }
    const unique_fd turn = bind_or_replace(fd.get(), where);
    const int result = sys::listen_socket(fd.get(), options.backlog());
    if (result < 0) fail(-result, "listen on", where);
    return fd;
}

unique_fd listen_with(const char* call, socket made, const server_options& options) {
    unique_fd fd(made.release());
    const address where = local_address_of(fd.get());
    int type = 0;
    int listens = 0;
    const int result = sys::get_option(fd.get(), SOL_SOCKET, SO_TYPE, type);
    if (result < 0) fail(-result, std::string(call) + ": socket", where);
    if (type != SOCK_STREAM)
        throw std::invalid_argument(std::string(call) + ": the socket is no stream socket");
    if (where.family() != address_family::local) set_inherited_options(fd.get(), options);
    sys::get_option(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, listens);
    if (listens == 0) {
        const int error = -sys::listen_socket(fd.get(), options.backlog());
        if (error > 0) fail(error, "listen on", where);
    }
    return fd;
}

}  // namespace bide::detail

namespace bide {

std::vector<inherited_socket> inherited_sockets() {
    std::vector<inherited_socket> found;
    for (detail::inherited_descriptor& each : detail::take_inherited_descriptors()) {
        found.emplace_back(socket::adopt(each.fd.release()), std::move(each.name));
    }
    return found;
}

}  // namespace bide

// bide/net: unix sockets in the file system.
#include "net/unix_path.hpp"

#include <bide/detail/os/ops.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "os/fd.hpp"
#include "os/sock.hpp"

namespace bide::detail {

namespace {

// Connecting to a path behind which nobody lives is refused at once, whatever kind of socket it was. Any other answer
// comes from one that lives: it accepts, has no room, hears another peer only, or is of another type.
bool is_stale(int fd, const address& where) noexcept {
    int type = 0;
    if (sys::get_option(fd, SOL_SOCKET, SO_TYPE, type) < 0) return false;
    const unique_fd probe(sys::open_socket(AF_UNIX, type, 0));
    if (!probe) return false;
    op_args args;
    args.fd = probe.get();
    args.data = const_cast<void*>(where.native());  // connect only reads it
    args.size = where.native_size();
    return connect_op.attempt(args) == -ECONNREFUSED;
}

}  // namespace

bool is_path(const address& where) {
    const std::string host = where.family() == address_family::local ? where.host() : std::string();
    return !host.empty() && host.front() != '@';
}

void bind_or_replace(int fd, const address& where) {
    int result = sys::bind_socket(fd, where.native(), where.native_size());
    if (result == -EADDRINUSE && is_path(where) && is_stale(fd, where)) {
        sys::remove_socket_file(where.host().c_str());
        result = sys::bind_socket(fd, where.native(), where.native_size());
    }
    if (result < 0) throw std::system_error(-result, std::generic_category(), "bind " + where.to_string());
}

}  // namespace bide::detail

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

// Between the look and the removal another one may have replaced the file, and a socket that does not listen yet looks
// as if nobody lived behind it. So those who start take turns. Where the folder cannot be locked there is no such care.
unique_fd take_turn(const std::string& path) {
    const std::size_t end = path.rfind('/');
    const std::string folder = end == std::string::npos ? "." : path.substr(0, end + 1);
    const int turn = sys::lock_folder(folder.c_str());
    return turn < 0 ? unique_fd() : unique_fd(turn);
}

}  // namespace

bool is_path(const address& where) {
    const std::string host = where.family() == address_family::local ? where.host() : std::string();
    return !host.empty() && host.front() != '@';
}

unique_fd bind_or_replace(int fd, const address& where) {
    unique_fd turn;
    if (is_path(where)) turn = take_turn(where.host());
    int result = sys::bind_socket(fd, where.native(), where.native_size());
    if (result == -EADDRINUSE && is_path(where) && is_stale(fd, where)) {
        sys::remove_socket_file(where.host().c_str());
        result = sys::bind_socket(fd, where.native(), where.native_size());
    }
    if (result < 0) throw std::system_error(-result, std::generic_category(), "bind " + where.to_string());
    return turn;
}

}  // namespace bide::detail

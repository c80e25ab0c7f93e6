// bide/net: send and receive descriptors over a unix socket.
//
// The kernel attaches them to the first byte of a message. What it received lies in the frame of the coroutine, which
// stays until the operation has come back: whatever happens then, the descriptors in it are closed or handed on.
#include <bide/socket.hpp>

#include <bide/as_result.hpp>
#include <bide/detail/core/io_awaiter.hpp>
#include <bide/detail/os/ops.hpp>
#include <bide/error.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "net/socket_core.hpp"

namespace bide {

namespace {

using detail::io_awaiter;
using detail::op_args;
using detail::socket_ref;
using detail::throw_socket_error;

constexpr std::size_t most_fds = 253;  // SCM_MAX_FD

// One piece of memory and room for descriptors, as sendmsg(2) and recvmsg(2) want them. Stays where it is.
class fd_message {
public:
    fd_message(void* data, std::size_t size, std::size_t fds)
        : control_(new std::byte[CMSG_SPACE(fds * sizeof(int))]()) {
        piece_.iov_base = data;
        piece_.iov_len = size;
        header_.msg_iov = &piece_;
        header_.msg_iovlen = 1;
        header_.msg_control = control_.get();
        header_.msg_controllen = fds == 0 ? 0 : CMSG_SPACE(fds * sizeof(int));
    }
    fd_message(const fd_message&) = delete;
    fd_message& operator=(const fd_message&) = delete;
    ~fd_message() {
        if (receives_) static_cast<void>(take());
    }

    void attach(const std::vector<int>& fds) {
        if (fds.empty()) return;
        ::cmsghdr* const part = CMSG_FIRSTHDR(&header_);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::memcpy(CMSG_DATA(part), fds.data(), fds.size() * sizeof(int));
    }
    // Exactly as many as were asked for: the space is rounded up, and the kernel would fill what is left with one more.
    void will_receive(std::size_t fds) noexcept {
        receives_ = true;
        if (fds != 0) header_.msg_controllen = CMSG_LEN(fds * sizeof(int));
    }

    // What has come; once.
    std::vector<descriptor> take() {
        std::vector<descriptor> all;
        receives_ = false;
        for (::cmsghdr* part = CMSG_FIRSTHDR(&header_); part != nullptr; part = CMSG_NXTHDR(&header_, part)) {
            if (part->cmsg_len < CMSG_LEN(0)) break;  // nothing has been written here
            if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
            const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i < count; ++i) {
                int fd = -1;
                std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
                all.emplace_back(fd);
            }
        }
        return all;
    }
    [[nodiscard]] bool lost_some() const noexcept { return (header_.msg_flags & MSG_CTRUNC) != 0; }
    [[nodiscard]] bool truncated() const noexcept { return (header_.msg_flags & MSG_TRUNC) != 0; }
    [[nodiscard]] ::msghdr& header() noexcept { return header_; }

private:
    std::unique_ptr<std::byte[]> control_;  // new aligns it as cmsghdr wants
    ::iovec piece_{};
    ::msghdr header_{};
    bool receives_ = false;
};

socket_ref share(const socket_ref& core, const char* call) {
    if (!core) throw invalid_state_error(std::string(call) + ": the socket is closed");
    return core;
}

void check_local(const detail::socket_core& core, const char* call) {
    const address own = core.local_address();
    if (own.family() == address_family::local || core.fd() < 0) return;
    throw std::invalid_argument(std::string(call) + " on " + core.name() +
                                ": only unix sockets carry descriptors");
}

void check_count(std::size_t count, const char* call) {
    if (count <= most_fds) return;
    throw std::invalid_argument(std::string(call) + ": " + std::to_string(count) +
                                " descriptors; one message carries up to " + std::to_string(most_fds));
}

coro<void> send_with(socket_ref core, std::string_view bytes, std::vector<int> fds) {
    constexpr const char* call = "send_fds";
    check_count(fds.size(), call);
    check_local(*core, call);
    if (bytes.empty())
        throw std::invalid_argument("send_fds: no bytes; descriptors travel with one at least");
    fd_message message(const_cast<char*>(bytes.data()), bytes.size(), fds.size());  // sendmsg only reads it
    message.attach(fds);
    op_args args;
    args.fd = core->use(call);
    args.data = &message.header();
    const result<std::size_t> count = co_await as_result(io_awaiter(detail::sendmsg_op, args));
    if (!count) throw_socket_error(*core, call, count.error());
    bytes.remove_prefix(*count);
    if (bytes.empty()) co_return;
    auto rest = detail::send_all(core, call, bytes);
    co_await std::move(rest);
}

coro<received_fds> receive_with(socket_ref core, std::size_t most, std::size_t max_fds) {
    constexpr const char* call = "recv_fds";
    check_count(max_fds, call);
    check_local(*core, call);
    if (most == 0)
        throw std::invalid_argument("recv_fds: room for no bytes; what comes would look like the end");
    const std::unique_ptr<char[]> room(new char[most]);
    fd_message message(room.get(), most, max_fds);
    op_args args;
    args.fd = core->use(call);
    args.data = &message.header();
    args.flags = MSG_CMSG_CLOEXEC;
    message.will_receive(max_fds);
    const result<std::size_t> count = co_await as_result(io_awaiter(detail::recvmsg_op, args));
    if (!count) throw_socket_error(*core, call, count.error());
    std::vector<descriptor> fds = message.take();
    if (message.lost_some()) {
        throw std::system_error(EMSGSIZE, std::generic_category(),
                                "recv_fds on " + core->name() + ": more descriptors came than the " +
                                    std::to_string(max_fds) +
                                    " there was room for, or than this process may open; all are closed");
    }
    co_return received_fds(std::string(room.get(), *count), std::move(fds), message.truncated());
}

}  // namespace

coro<void> socket::send_fds(std::string_view bytes, std::vector<int> fds) {
    return send_with(share(core_, "send_fds"), bytes, std::move(fds));
}
coro<received_fds> socket::recv_fds(std::size_t most, std::size_t max_fds) {
    return receive_with(share(core_, "recv_fds"), most, max_fds);
}

}  // namespace bide

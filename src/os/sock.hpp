// bide/os: the system calls on sockets that do not wait. All return -errno on failure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bide::detail::sys {

int open_socket(int family, int type, int protocol) noexcept;  // close-on-exec, non-blocking
int open_pair(int type, int (&ends)[2]) noexcept;              // two connected unix sockets, as above
int bind_socket(int fd, const void* address, std::size_t size) noexcept;
int listen_socket(int fd, int backlog) noexcept;
int shut_down_socket(int fd, int how) noexcept;
int local_name(int fd, void* address, std::size_t& size) noexcept;
int peer_name(int fd, void* address, std::size_t& size) noexcept;
int set_option(int fd, int level, int name, int value) noexcept;
int get_option(int fd, int level, int name, int& value) noexcept;
int set_non_blocking(int fd) noexcept;
int close_on_exec(int fd) noexcept;  // not for programs that this one starts
int close_descriptor(int fd) noexcept;
// Removes a socket in the file system, whoever lives behind it; anything else stays.
void remove_socket_file(const char* path) noexcept;
// A descriptor that keeps others, who ask the same, away from a folder's sockets until it is closed. Waits half a
// second at most: -EWOULDBLOCK then.
int lock_folder(const char* path) noexcept;
bool file_identity(const char* path, std::uint64_t& device, std::uint64_t& inode) noexcept;
// At once or -EAGAIN.
std::ptrdiff_t send_now(int fd, const void* data, std::size_t size) noexcept;
std::ptrdiff_t recv_now(int fd, void* data, std::size_t size) noexcept;
// Drops what has arrived and was not received, up to `most` bytes. A close that leaves any behind is a reset for the peer,
// whom it may cost what was sent to it (RFC 9293 section 3.6.1; unix sockets do the same).
void discard_received(int fd, std::size_t most) noexcept;
std::ptrdiff_t write_now(int fd, const void* data, std::size_t size) noexcept;
std::ptrdiff_t read_now(int fd, void* data, std::size_t size) noexcept;
// Waits for the disk: for worker threads.
std::ptrdiff_t read_at(int fd, void* data, std::size_t size, std::uint64_t offset) noexcept;

}  // namespace bide::detail::sys

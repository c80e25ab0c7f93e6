// bide/system: shared_memory, a block of memory that several processes see.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace bide {

/// A block of memory that several processes see. One with a name is there for every process of the user until
/// somebody unlinks it; one without goes with the last process that has it, and is handed on by its descriptor: to a
/// child (`subprocess_options().pass_fd(block.fileno())`) or over a unix socket (`socket::send_fds`).
///
/// Named ones are those of shm_open(3): Python's shared_memory.SharedMemory of the same name is the same block. A name
/// appears when the block is complete, and all of its memory is there from the start, so that no write fails later.
/// Life: unmapped and closed on destruction; the name stays. Movable.
/// Errors name the block: std::system_error "shared_memory 'x': ..." with std::errc::file_exists,
/// no_such_file_or_directory, permission_denied, no_space_on_device; std::invalid_argument for a name that cannot be one,
/// a size of zero, and a block that is smaller than what was asked for.
/// Threads: any; what lies in it needs the processes' agreement: process_lock, or std::atomic_ref. No call suspends; the
/// kernel clears the memory of a new one, about 0.2 s for 1 GiB: use to_thread() for large ones.
/// Limits: names are 1 to 200 bytes without '/'; access is the user's alone (0600). Blocks with names count against the
/// size of /dev/shm. Python: multiprocessing.shared_memory.SharedMemory.
class shared_memory {
public:
    /// A new block full of zeros. Python: SharedMemory(name, create=True, size=size).
    [[nodiscard]] static shared_memory create(std::string name, std::size_t size);
    /// One that exists, all of it; `at_least`: throws std::invalid_argument where it is smaller.
    /// Python: SharedMemory(name).
    [[nodiscard]] static shared_memory open(std::string name, std::size_t at_least = 0);
    /// A new block without a name. Python: SharedMemory(None, create=True, size=size), which invents one.
    [[nodiscard]] static shared_memory anonymous(std::size_t size);
    /// What another process has handed over. Takes the descriptor; when it throws, that stays the caller's.
    [[nodiscard]] static shared_memory adopt(int fd, std::size_t at_least = 0);

    shared_memory(shared_memory&& other) noexcept { swap(other); }
    shared_memory& operator=(shared_memory&& other) noexcept {
        shared_memory taken(std::move(other));
        swap(taken);
        return *this;
    }
    ~shared_memory() { close(); }

    /// The memory; empty when closed. At the start of a page. Python: buf.
    [[nodiscard]] std::span<std::byte> data() const noexcept { return {at_, size_}; }
    /// In bytes, as it was made. Python: size, which may be rounded up.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Empty for one without. Python: name.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// The descriptor, to hand it on; -1 when closed.
    [[nodiscard]] int fileno() const noexcept { return fd_; }

    /// Gives up this process's access; spans of it are void. Idempotent. Python: close.
    void close() noexcept;
    /// Takes the name away: nobody can open it any more, and the memory goes with its last user.
    /// Throws: std::system_error, also when the name is gone; invalid_state_error without one. Python: unlink.
    void unlink();
    /// The same for one that is not open.
    static void unlink(std::string_view name);

private:
    shared_memory() noexcept = default;
    void swap(shared_memory& other) noexcept {
        std::swap(at_, other.at_);
        std::swap(size_, other.size_);
        std::swap(fd_, other.fd_);
        name_.swap(other.name_);
    }

    std::byte* at_ = nullptr;
    std::size_t size_ = 0;
    int fd_ = -1;
    std::string name_;
};

}  // namespace bide

// bide/system: shared blocks by name, with errors that say which block.
#include "system/named_block.hpp"

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "os/shared_block.hpp"
#include "os/sock.hpp"

namespace bide::detail {

std::string block_label(const char* what, std::string_view name) {
    if (name.empty()) return std::string(what) + " (anonymous)";
    return std::string(what) + " '" + std::string(name) + "'";
}

void throw_block_error(int error, const std::string& label) {
    throw std::system_error(error, std::generic_category(), label);
}

void check_block_name(const char* what, std::string_view name) {
    constexpr std::size_t longest = 200;
    const char* wrong = nullptr;
    if (name.empty()) {
        wrong = "the name is empty";
    } else if (name.size() > longest) {
        wrong = "the name is longer than 200 bytes";
    } else if (name.find('/') != std::string_view::npos) {
        wrong = "a name has no '/'";
    } else if (name.find('\0') != std::string_view::npos) {
        wrong = "the name has a zero byte in it";
    } else if (name == "." || name == "..") {
        wrong = "that name is taken by the system";
    }
    if (wrong == nullptr) return;
    throw std::invalid_argument(std::string(what) + " '" + std::string(name.substr(0, longest)) +
                                "': " + wrong);
}

block_map::block_map(block_map&& other) noexcept
    : fd_(std::move(other.fd_)),
      at_(std::exchange(other.at_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

block_map& block_map::operator=(block_map&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = std::move(other.fd_);
        at_ = std::exchange(other.at_, nullptr);
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

block_map::block_map(unique_fd fd, const std::string& label) : fd_(std::move(fd)) {
    const std::ptrdiff_t size = sys::block_size(fd_.get());
    if (size < 0)
        throw_block_error(static_cast<int>(-size), label + ": descriptor " + std::to_string(fd_.get()));
    if (size == 0) throw std::invalid_argument(label + ": it is empty; who made it has not given it a size");
    int error = 0;
    at_ = static_cast<std::byte*>(sys::map_block(fd_.get(), static_cast<std::size_t>(size), error));
    if (at_ == nullptr) throw_block_error(-error, label + ": map " + std::to_string(size) + " bytes");
    size_ = static_cast<std::size_t>(size);
}

void block_map::reset() noexcept {
    if (at_ != nullptr) sys::unmap_block(at_, size_);
    at_ = nullptr;
    size_ = 0;
    fd_.reset();
}

std::byte* block_map::release(int& fd) noexcept {
    fd = fd_.release();
    return std::exchange(at_, nullptr);
}

bool make_block(block_map& made, const std::string& system_name, std::size_t size, const std::string& label,
                const block_filler* filler) {
    const int fd = system_name.empty() ? sys::make_anonymous_block(size) : sys::make_block(size);
    if (fd < 0) throw_block_error(-fd, label + ": make it with " + std::to_string(size) + " bytes");
    made = block_map(unique_fd(fd), label);
    if (filler != nullptr) filler->fill(made.at());
    if (system_name.empty()) return true;
    const int result = sys::publish_block(fd, system_name.c_str());
    if (result < 0 && result != -EEXIST) throw_block_error(-result, label);
    return result == 0;
}

block_map open_or_make(const std::string& system_name, block_open how, std::size_t size,
                       const std::string& label, const block_filler* filler) {
    for (;;) {
        if (!system_name.empty() && how != block_open::create) {
            const int fd = sys::open_block(system_name.c_str());
            if (fd >= 0) return block_map(unique_fd(fd), label);
            if (fd != -ENOENT || how == block_open::existing) throw_block_error(-fd, label);
        }
        block_map made;
        if (make_block(made, system_name, size, label, filler)) return made;
        if (how == block_open::create) throw_block_error(EEXIST, label);
        // Somebody else has made it just now.
    }
}

block_map adopt_block(int fd, const std::string& label) {
    unique_fd borrowed(fd);
    const auto keep = [&]() noexcept { static_cast<void>(borrowed.release()); };
    try {
        const std::ptrdiff_t size = sys::block_size(fd);
        if (size < 0)
            throw_block_error(static_cast<int>(-size), label + ": adopt descriptor " + std::to_string(fd));
        if (size == 0)
            throw std::invalid_argument(label + ": the file of descriptor " + std::to_string(fd) +
                                        " is empty");
        int error = 0;
        void* const at = sys::map_block(fd, static_cast<std::size_t>(size), error);
        if (at == nullptr) throw_block_error(-error, label + ": map descriptor " + std::to_string(fd));
        sys::unmap_block(at, static_cast<std::size_t>(size));
        static_cast<void>(sys::close_on_exec(fd));
    } catch (...) {
        keep();
        throw;
    }
    return block_map(std::move(borrowed), label);
}

void unlink_block(const std::string& system_name, const std::string& label) {
    const int result = sys::remove_block(system_name.c_str());
    if (result < 0) throw_block_error(-result, label + ": unlink");
}

}  // namespace bide::detail

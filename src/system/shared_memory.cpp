// bide/system: shared_memory, a block of memory that several processes see.
#include <bide/shared_memory.hpp>

#include <bide/error.hpp>

#include <stdexcept>

#include "os/shared_block.hpp"
#include "system/named_block.hpp"

namespace bide {

namespace {

constexpr const char* what = "shared_memory";

void check_size(std::size_t size, const std::string& label) {
    if (size == 0) throw std::invalid_argument(label + ": a size of 0 bytes; give one or more");
    if (size > static_cast<std::size_t>(PTRDIFF_MAX))
        throw std::invalid_argument(label + ": " + std::to_string(size) + " bytes are too many");
}

void check_holds(std::size_t size, std::size_t at_least, const std::string& label) {
    if (size >= at_least) return;
    throw std::invalid_argument(label + ": it has " + std::to_string(size) + " bytes, " +
                                std::to_string(at_least) + " are needed");
}

}  // namespace

shared_memory shared_memory::create(std::string name, std::size_t size) {
    detail::check_block_name(what, name);
    const std::string label = detail::block_label(what, name);
    check_size(size, label);
    shared_memory made;
    detail::block_map map = detail::open_or_make(name, detail::block_open::create, size, label, nullptr);
    made.size_ = map.size();
    made.at_ = map.release(made.fd_);
    made.name_ = std::move(name);
    return made;
}

shared_memory shared_memory::open(std::string name, std::size_t at_least) {
    detail::check_block_name(what, name);
    const std::string label = detail::block_label(what, name);
    shared_memory made;
    detail::block_map map = detail::open_or_make(name, detail::block_open::existing, 0, label, nullptr);
    check_holds(map.size(), at_least, label);
    made.size_ = map.size();
    made.at_ = map.release(made.fd_);
    made.name_ = std::move(name);
    return made;
}

shared_memory shared_memory::anonymous(std::size_t size) {
    const std::string label = detail::block_label(what, {});
    check_size(size, label);
    shared_memory made;
    detail::block_map map = detail::open_or_make({}, detail::block_open::create, size, label, nullptr);
    made.size_ = map.size();
    made.at_ = map.release(made.fd_);
    return made;
}

shared_memory shared_memory::adopt(int fd, std::size_t at_least) {
    const std::string label = detail::block_label(what, {});
    shared_memory made;
    if (at_least != 0) {
        const std::ptrdiff_t size = detail::sys::block_size(fd);
        if (size > 0) check_holds(static_cast<std::size_t>(size), at_least, label);
    }
    detail::block_map map = detail::adopt_block(fd, label);
    made.size_ = map.size();
    made.at_ = map.release(made.fd_);
    return made;
}

void shared_memory::close() noexcept {
    const detail::unique_fd fd(std::exchange(fd_, -1));
    if (at_ != nullptr) detail::sys::unmap_block(at_, size_);
    at_ = nullptr;
    size_ = 0;
}

void shared_memory::unlink() {
    if (name_.empty()) throw invalid_state_error("shared_memory.unlink: this block has no name");
    unlink(name_);
}

void shared_memory::unlink(std::string_view name) {
    detail::check_block_name(what, name);
    detail::unlink_block(std::string(name), detail::block_label(what, name));
}

}  // namespace bide

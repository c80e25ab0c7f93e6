// bide/system: shared blocks by name, with errors that say which block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "os/fd.hpp"

namespace bide::detail {

enum class block_open : std::uint8_t { either, create, existing };

// "process_lock 'jobs'", or "process_lock (anonymous)".
std::string block_label(const char* what, std::string_view name);
[[noreturn]] void throw_block_error(int error, const std::string& label);
// Throws std::invalid_argument. `prefix` comes before the name in the system's namespace.
void check_block_name(const char* what, std::string_view name);

// Mapped memory with its descriptor.
class block_map {
public:
    block_map() = default;
    block_map(block_map&& other) noexcept;
    block_map& operator=(block_map&& other) noexcept;
    ~block_map() { reset(); }

    // Throws for what cannot be mapped; the descriptor is closed then.
    block_map(unique_fd fd, const std::string& label);

    void reset() noexcept;
    [[nodiscard]] std::byte* at() const noexcept { return at_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    int release_fd() noexcept { return fd_.release(); }
    // The mapping becomes the caller's.
    std::byte* release(int& fd) noexcept;

private:
    unique_fd fd_;
    std::byte* at_ = nullptr;
    std::size_t size_ = 0;
};

// Makes a block, lets `fill` write what belongs in it, and gives it its name, if any. False when the name is taken.
class block_filler {
public:
    virtual void fill(std::byte* at) const = 0;

protected:
    ~block_filler() = default;
};
bool make_block(block_map& made, const std::string& system_name, std::size_t size, const std::string& label,
                const block_filler* filler);
// Opens one, or makes it. `system_name`: without the folder; empty for none.
block_map open_or_make(const std::string& system_name, block_open how, std::size_t size,
                       const std::string& label, const block_filler* filler);
// One that was handed over by its descriptor; when it throws, that stays the caller's.
block_map adopt_block(int fd, const std::string& label);
void unlink_block(const std::string& system_name, const std::string& label);

}  // namespace bide::detail

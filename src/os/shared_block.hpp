// bide/os: memory that several processes share. All return -errno on failure.
#pragma once

#include <cstddef>

namespace bide::detail::sys {

// A block without a name: the memory lives as long as a descriptor or a mapping of it. Nobody can change its size.
int make_anonymous_block(std::size_t size) noexcept;

// A block that gets its name, once and at once, with publish_block(): so nobody finds one that is half made, and nothing
// is left of it when this process ends before. The memory is there from the start: where there is none left, this says
// so, and no write meets a SIGBUS later.
int make_block(std::size_t size) noexcept;
// -EEXIST when the name is taken.
int publish_block(int fd, const char* name) noexcept;

int open_block(const char* name) noexcept;
int remove_block(const char* name) noexcept;

// The size of a block; -EINVAL for a descriptor that is none.
std::ptrdiff_t block_size(int fd) noexcept;
// Null with -errno in `error`.
void* map_block(int fd, std::size_t size, int& error) noexcept;
void unmap_block(void* at, std::size_t size) noexcept;

}  // namespace bide::detail::sys

// bide/os: name a place in the program's code so that another process of the same program finds it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bide::detail::sys {

// The program itself is module 0, a library the hash of its file's name. Addresses differ from process to process.
struct code_place {
    std::uint64_t module = 0;
    std::uint64_t offset = 0;
    friend bool operator==(const code_place&, const code_place&) = default;
};

// False for an address outside all that is loaded.
bool place_of(const void* address, code_place& place) noexcept;
// Null when the module is not loaded, or has no `size` bytes there.
const void* address_of(const code_place& place, std::size_t size) noexcept;

}  // namespace bide::detail::sys

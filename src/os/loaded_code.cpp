// bide/os: name a place in the program's code so that another process of the same program finds it.
#include "os/loaded_code.hpp"

#include <bide/detail/base/text_hash.hpp>

#include <link.h>

namespace bide::detail::sys {

namespace {

std::uint64_t module_of(const dl_phdr_info& info) noexcept {
    if (info.dlpi_name == nullptr || *info.dlpi_name == '\0') return 0;
    return hash_of(info.dlpi_name) | 1;
}

// Whether one of the module's segments holds all of [address, address + size).
bool holds(const dl_phdr_info& info, std::uintptr_t address, std::size_t size) noexcept {
    for (int i = 0; i < info.dlpi_phnum; ++i) {
        const auto& segment = info.dlpi_phdr[i];
        if (segment.p_type != PT_LOAD) continue;
        const std::uintptr_t begin = info.dlpi_addr + segment.p_vaddr;
        if (address >= begin && address - begin <= segment.p_memsz &&
            segment.p_memsz - (address - begin) >= size)
            return true;
    }
    return false;
}

struct search {
    std::uintptr_t address = 0;
    std::size_t size = 1;
    code_place place;
    bool found = false;
};

}  // namespace

bool place_of(const void* address, code_place& place) noexcept {
    search what{.address = reinterpret_cast<std::uintptr_t>(address), .place = {}};
    ::dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
            auto& wanted = *static_cast<search*>(data);
            if (!holds(*info, wanted.address, wanted.size)) return 0;
            wanted.place = {module_of(*info), wanted.address - info->dlpi_addr};
            wanted.found = true;
            return 1;
        },
        &what);
    place = what.place;
    return what.found;
}

const void* address_of(const code_place& place, std::size_t size) noexcept {
    search what{.size = size, .place = place};
    ::dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
            auto& wanted = *static_cast<search*>(data);
            if (module_of(*info) != wanted.place.module) return 0;
            wanted.address = info->dlpi_addr + wanted.place.offset;
            wanted.found = holds(*info, wanted.address, wanted.size);
            return 1;
        },
        &what);
    return what.found ? reinterpret_cast<const void*>(what.address) : nullptr;
}

}  // namespace bide::detail::sys

// bide/os: what happens to files, as the kernel tells it (inotify).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "os/fd.hpp"

namespace bide::detail {

enum class path_change : std::uint8_t {
    created,
    removed,
    modified,
    written,  // closed after it was open for writing
    attributes,
    moved_from,
    moved_to,
    self_removed,
    self_moved,
    overflow,  // the kernel's queue was full: something is missing here
    unwatched  // the watch is over
};

struct path_event {
    path_change what = path_change::overflow;
    bool folder = false;
    int watch = -1;
    std::uint32_t cookie = 0;  // the same for the two halves of a move
    std::string name;          // in the folder that is watched; empty: that itself
};

// All calls return -errno on failure.
class path_watch {
public:
    int open() noexcept;
    // Returns the number of the watch.
    int add(const char* path) noexcept;
    // Of a folder, and of nothing that a link in its place leads to.
    int add_folder(const char* path) noexcept;
    int remove(int watch) noexcept;
    // For read_op; the descriptor does not block.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    // What was read, event by event.
    static void parse(const char* bytes, std::size_t size, std::vector<path_event>& events);

private:
    unique_fd fd_;
};

}  // namespace bide::detail

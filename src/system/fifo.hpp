// bide/system: wait for the other end of a FIFO without a thread.
#pragma once

#include <bide/coro.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace bide::detail {

// Before the first read of a FIFO: until somebody has written to it, or has opened it to write and closed it.
coro<void> wait_for_writer(int fd, const std::string& path);

// That somebody opens a FIFO to read is told to nobody (inotify tells of an open(2) that has returned, and a reader's does
// not before there is a writer): how long to wait before the next attempt to open it to write. To have it open for both
// until then would let the reader in, but make other writers believe that somebody reads what they write, and lose it.
class fifo_pause {
public:
    std::chrono::milliseconds next() noexcept {
        return std::exchange(pause_, std::min(2 * pause_, std::chrono::milliseconds(50)));
    }

private:
    std::chrono::milliseconds pause_{1};
};

}  // namespace bide::detail

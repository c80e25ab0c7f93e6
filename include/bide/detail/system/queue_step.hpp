// bide/system: how one attempt to put an item into a process_queue, or to take one, has ended.
#pragma once

#include <cstdint>

namespace bide::detail {

enum class queue_step : std::uint8_t {
    done,
    no,         // it is full, or empty
    shut_down,  // ... and nothing will come any more
    busy,       // another process is in the middle of an item: try again in a moment
};

}  // namespace bide::detail

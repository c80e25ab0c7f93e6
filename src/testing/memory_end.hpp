// bide/testing: one end of a stream in memory.
#pragma once

#include <bide/testing/memory_stream.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/stream_core.hpp"

namespace bide::testing::detail {

class memory_end;

// What goes to one end.
struct memory_wire {
    std::string bytes;
    std::size_t head = 0;
    std::size_t capacity = 0;
    bool ended = false;  // the end of the stream is behind the bytes
    int failure = 0;     // this is
    int refused = 0;     // what who sends is told: nobody takes the bytes any more
    memory_end* receiver = nullptr;

    [[nodiscard]] std::size_t size() const noexcept { return bytes.size() - head; }
    void clear() noexcept {
        bytes.clear();
        head = 0;
    }
};

// Shared by both ends and the link.
struct memory_wires {
    memory_wire to[2];
    bool held = false;
};

// Adds a reference to the end that this makes, number 0 or 1. `name` is what the ends tell of each other.
bide::detail::stream_ref make_memory_end(bide::detail::loop_state& loop, std::shared_ptr<memory_wires> wires,
                                         int number, memory_options options, std::string name);

memory_pair make_memory_pair(memory_options first, memory_options second, const std::string& name);

// The link moves: what `end` waits for may have come.
void memory_end_changed(memory_end& end) noexcept;
void memory_end_refused(memory_end& end) noexcept;

}  // namespace bide::testing::detail

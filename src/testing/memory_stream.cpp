// bide/testing: two connected ends of a stream in memory, with splits, delays and failures on demand.
#include <bide/testing/memory_stream.hpp>

#include <bide/detail/core/future_state.hpp>
#include <bide/future.hpp>

#include "testing/memory_end.hpp"

namespace bide::testing {

namespace detail {

memory_pair make_memory_pair(memory_options first, memory_options second, const std::string& name) {
    bide::detail::loop_state& loop = bide::detail::current_loop_state("memory_streams");
    auto wires = std::make_shared<memory_wires>();
    const std::size_t limits[] = {first.limit(), second.limit()};
    const auto one = make_memory_end(loop, wires, 0, std::move(first), name);
    const auto two = make_memory_end(loop, wires, 1, std::move(second), name);
    return memory_pair(connection(stream_reader(one, limits[0]), stream_writer(one)),
                       connection(stream_reader(two, limits[1]), stream_writer(two)),
                       memory_link(std::move(wires)));
}

}  // namespace detail

void memory_link::reset() const {
    wires_->held = false;
    for (detail::memory_wire& wire : wires_->to) {
        wire.clear();
        wire.failure = wire.refused = ECONNRESET;
    }
    for (int i = 0; i < 2; ++i) {
        if (wires_->to[i].receiver != nullptr) detail::memory_end_changed(*wires_->to[i].receiver);
        if (wires_->to[i].receiver != nullptr) detail::memory_end_refused(*wires_->to[i].receiver);
    }
}

void memory_link::hold() const { wires_->held = true; }

void memory_link::release() const {
    wires_->held = false;
    for (const detail::memory_wire& wire : wires_->to) {
        if (wire.receiver != nullptr) detail::memory_end_changed(*wire.receiver);
    }
}

std::size_t memory_link::on_way_to_first() const noexcept { return wires_->to[0].size(); }
std::size_t memory_link::on_way_to_second() const noexcept { return wires_->to[1].size(); }

memory_pair memory_streams(memory_options both) {
    memory_options other = both;
    return detail::make_memory_pair(std::move(both), std::move(other), "memory");
}
memory_pair memory_streams(memory_options first, memory_options second) {
    return detail::make_memory_pair(std::move(first), std::move(second), "memory");
}

}  // namespace bide::testing

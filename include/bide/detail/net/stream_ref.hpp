// bide/net: a counted pointer to one end of a byte stream.
#pragma once

#include <bide/detail/base/counted_ref.hpp>

namespace bide::detail {

class stream_core;  // src/net/stream_core.hpp

void retain(stream_core& stream) noexcept;
void release(stream_core& stream) noexcept;

using stream_ref = counted_ref<stream_core>;

}  // namespace bide::detail

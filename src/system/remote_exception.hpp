// bide/system: an exception as bytes for another process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

namespace bide::detail {

// In a catch clause: the exception that is being handled. Its texts are cut where it would take more than `most` bytes,
// of which there are 200 at least.
std::string pack_exception(std::size_t most = SIZE_MAX);

// The same type where that is one of the standard library's or bide's own, else a remote_error. No bytes: the
// worker had no memory for it.
std::exception_ptr unpack_exception(std::string_view bytes);

}  // namespace bide::detail

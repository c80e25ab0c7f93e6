// bide/system: a counted pointer to an open file.
#pragma once

#include <bide/detail/base/counted_ref.hpp>

namespace bide::detail {

struct file_core;  // src/system/file_core.hpp

void retain(file_core& of) noexcept;
void release(file_core& of) noexcept;

using file_ref = counted_ref<file_core>;

}  // namespace bide::detail

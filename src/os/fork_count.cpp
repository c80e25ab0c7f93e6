// bide/os: tell a process from the one that it was forked from.
#include "os/fork_count.hpp"

#include <pthread.h>

namespace bide::detail {

namespace {

std::uint32_t count = 0;  // written while the child has one thread

[[maybe_unused]] const int in_child = ::pthread_atfork(nullptr, nullptr, [] { ++count; });

}  // namespace

std::uint32_t fork_count() noexcept { return count; }

}  // namespace bide::detail

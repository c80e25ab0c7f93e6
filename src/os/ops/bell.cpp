// bide/os: wait until another process rings a bell.
#include <bide/detail/os/ops.hpp>

#include <unistd.h>

#include <cerrno>

#include "os/bell.hpp"
#include "os/syscall.hpp"

namespace bide::detail {

namespace {

// args.data is the bell's word. The first time that it says that nobody has rung, no system call is needed. After that
// the descriptor was said to be readable, so it is read in any case: left readable while nobody has rung it would be
// reported for ever. The word may tell of a ring before the descriptor does: then the write is under way.
int attempt(const op_args& a) noexcept {
    auto& listening = *static_cast<sys::bell_word*>(a.data);
    std::uint32_t untried = 1;
    if (listening.compare_exchange_strong(untried, 2, std::memory_order_seq_cst)) return -EAGAIN;
    std::uint64_t count = 0;
    const auto got = static_cast<int>(sys::retry([&] { return ::read(a.fd, &count, sizeof count); }));
    return got > 0 && listening.load(std::memory_order_seq_cst) != 0 ? -EAGAIN : got;
}

}  // namespace

constinit const op_kind bell_op{
    .name = "wait for a bell", .prepare = nullptr, .attempt = attempt, .waits_for = ready_for::reading};

}  // namespace bide::detail

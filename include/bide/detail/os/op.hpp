// bide/os: the record of one operation of the operating system.
//
// An operation is data (op_args) plus the two ways to perform it (op_kind): as an entry of a completion ring, and as
// one non-blocking attempt that is repeated when the descriptor is ready. Backends never name an operation and
// operations never name a backend, so adding one is adding one file in src/os/ops/.
//
// Life of a record. Whoever wants the operation owns an op_request and a timer_node, both of which stay where they
// are until the operation is done:
//
//     idle --submit--> in_flight --cancel--> cancelling
//                          |                     |
//                          +-------> done <------+
//
// `submit` may finish at once, but the node is only ever handed back through poll(): nothing is resumed inside
// submit. A cancel is a request and never an end: until the node comes back, the kernel owns the buffer. An operation
// that completed although it was being cancelled reports what it did (completion beats cancellation); one that did
// nothing reports -ECANCELED. Whoever owned the request and went away while its node was on the way back has its result
// dropped: one that is a new descriptor is closed (late::close_fd).
#pragma once

#include <bide/detail/base/node.hpp>

#include <cstddef>
#include <cstdint>

namespace bide::detail {

struct op_args {
    int fd = -1;
    std::uint32_t flags = 0;
    void* data = nullptr;
    std::size_t size = 0;
    std::uint64_t offset = 0;
};

// What the readiness form waits for after its attempt said -EAGAIN. `nothing`: the descriptor has no readiness, so
// the attempt blocks and must run on a worker thread.
enum class ready_for : std::uint8_t { reading, writing, nothing };

// What becomes of a success that arrives after its cancellation, when the waiter is gone for good.
enum class late : std::uint8_t { keep, close_fd };

// What the ring needs to know; a plain copy of the fields that operations use, so that they include no ring header.
struct ring_entry {
    std::uint8_t code = 0;
    int fd = -1;
    const void* data = nullptr;
    std::uint32_t size = 0;
    std::uint64_t offset = 0;
    std::uint32_t flags = 0;  // the operation's own flags word
};

struct op_kind {
    const char* name;
    ring_entry (*prepare)(const op_args&) noexcept;  // completion form; null where there is none
    int (*attempt)(const op_args&) noexcept;         // readiness form: one call, -errno on failure
    ready_for waits_for;
    late late_success = late::keep;
    // Only waits: being told that the descriptor is ready ends it, with a result above 0.
    bool ready_is_done = false;
    // Receives into memory of the backend, at most lent_size, which args.data is set to; it stays null where the backend
    // has none left, and the result above 0 only means that there is something. See backend::give_back().
    bool borrows = false;
    // For an operation that borrows: what to wait with where there is nothing to lend.
    const op_kind* wait_form = nullptr;
    // On descriptors that others own, and close without a word once nobody waits: a backend relies on nothing it knows.
    bool foreign = false;
    // A device works on it. A few of these leave together, so that it does not stand idle until the turn has ended.
    bool for_device = false;
};

inline constexpr std::size_t lent_size = 512;

enum class op_state : std::uint8_t { idle, in_flight, cancelling, done };

struct op_request {
    const op_kind* kind;
    op_args args;
    int result = 0;  // bytes, a descriptor, or -errno
    op_state state = op_state::idle;
    bool waits_for_readiness = false;  // the completion form met a descriptor that must not block
    // A hint of who submits it: the last operation of this kind on the descriptor took everything there was, so a first
    // attempt would be in vain. Only for descriptors whose operations all go through this backend.
    bool drained = false;
};

// The operation is done, and its waiter is gone for good: closes what it has made. A second call does nothing.
void drop_result(op_request& request) noexcept;

}  // namespace bide::detail

// bide/system: the memory that a pool and its worker processes share.
//
// A call lies in a slot. The loop writes it and puts the slot's number into the ring; whichever worker is free takes it from
// there, runs it, writes the result into the same slot and links the slot to the stack of those that are done, which
// the loop takes as a whole. What does not fit into a slot lies in a block (system/pool_blocks.hpp).
//
//   slot:  idle -> ready -> running -> finishing -> done -> idle   the loop, a worker three times, the loop
//                  ready -> withdrawn                              the loop takes it back; a worker passes it on
//                           running -> killing                     the loop will kill the worker, which stands still then
//
// No lock lies in here: a process may be killed at any instruction. A worker that was killed unasked breaks the pool, so
// nothing need be repaired then; one that is killed for its call stands still in that call, or holds nothing else.
//
// See also system/call_ring.hpp and os/bell.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "os/loaded_code.hpp"
#include "system/call_ring.hpp"

namespace bide::detail {

inline constexpr std::uint32_t most_workers = 256;
inline constexpr std::uint32_t slot_count = 1024;  // a power of two
inline constexpr std::size_t slot_size = 512;

enum class slot_state : std::uint32_t { idle, ready, running, finishing, killing, withdrawn, done };
enum class call_end : std::uint32_t { value, exception };

struct call_target {
    sys::code_place place;
    std::uint64_t hash = 0;
};

// Bytes in a slot, or in the block at this offset of the segment.
struct payload {
    std::uint64_t size = 0;
    std::uint64_t block = 0;  // 0: in the slot
};

struct alignas(64) call_slot {
    std::atomic<slot_state> state{slot_state::idle};
    std::uint32_t next = 0;  // in the stack of done slots: number + 1, 0 at its end
    std::uint32_t worker = 0;
    call_end end = call_end::value;
    call_target target;
    payload bytes;  // arguments, then the result

    static constexpr std::size_t head_size = 64;
    static constexpr std::size_t inline_size = slot_size - head_size;
    alignas(64) std::byte room[inline_size];
};
static_assert(sizeof(call_slot) == slot_size);

enum class worker_phase : std::uint32_t { starting, initializing, ready, retired, initializer_failed };

struct alignas(64) worker_record {
    sleeper bed;
    std::atomic<worker_phase> phase{worker_phase::starting};
    std::uint32_t text_size = 0;
    char text[500];  // what the initializer threw
};

struct pool_board {
    std::uint64_t region_size;  // of the blocks of each process
    std::uint32_t workers;
    std::uint32_t max_tasks;  // 0: no limit
    std::uint32_t spins;      // looks at the ring before a worker goes to sleep
    bool has_initializer;
    call_target initializer;
    payload initializer_bytes;

    call_ring<slot_count> ring;
    done_stack done;
    alignas(64) std::atomic<std::uint32_t> listening{0};
    alignas(64) std::atomic<std::uint32_t> closing{0};
    worker_record records[most_workers];
    call_slot slots[slot_count];

    // Any worker: the next call, no_slot when there is none. It is running then.
    std::uint32_t take(std::uint32_t worker) noexcept {
        for (;;) {
            const std::uint32_t number = ring.take();
            if (number == no_slot) return no_slot;
            call_slot& slot = slots[number];
            slot.worker = worker;
            ipc_step();
            slot_state expected = slot_state::ready;
            if (slot.state.compare_exchange_strong(expected, slot_state::running,
                                                   std::memory_order_acq_rel)) {
                ipc_step();
                return number;
            }
            push_done(number);  // withdrawn; found with the next result
        }
    }
    void push_done(std::uint32_t slot) noexcept { done.push(slot, slots[slot].next); }
};

// Where the blocks of a process lie behind the board: region 0 is the loop's, N + 1 that of worker N.
constexpr std::size_t region_begin(std::size_t region, std::size_t region_size) noexcept {
    constexpr std::size_t page = 4096;
    return (sizeof(pool_board) + page - 1) / page * page + region * region_size;
}

// Descriptors of a worker.
inline constexpr int worker_segment_fd = 3;
inline constexpr int worker_bell_fd = 4;
inline constexpr const char* worker_variable = "BIDE_WORKER";  // "NUMBER PARENT"

}  // namespace bide::detail

// bide/system: how the loop and the workers of a pool hand each other the numbers of slots, without a lock.
//
// The loop puts calls into the ring, whichever worker is free takes the next one. A slot is in the ring at most once and the
// ring has a place for each, so it is never full. What is done goes to a stack, which the loop takes as a whole.
#pragma once

#include <atomic>
#include <cstdint>

#include "system/ipc_step.hpp"

namespace bide::detail {

inline constexpr std::uint32_t no_slot = ~std::uint32_t{0};

template <std::uint32_t Slots>  // a power of two
class call_ring {
public:
    // The loop.
    void put(std::uint32_t slot) noexcept {
        const std::uint64_t at = tail_.load(std::memory_order_relaxed);
        places_[at % Slots].store(slot, std::memory_order_relaxed);
        ipc_step();
        tail_.store(at + 1, std::memory_order_seq_cst);
        ipc_step();
    }

    // Any worker; no_slot when there is none.
    std::uint32_t take() noexcept {
        for (;;) {
            std::uint64_t at = head_.load(std::memory_order_acquire);
            if (at == tail_.load(std::memory_order_acquire)) return no_slot;
            const std::uint32_t slot = places_[at % Slots].load(std::memory_order_relaxed);
            // The numbers only grow: if the place has been used again since, somebody has taken this one.
            if (!head_.compare_exchange_strong(at, at + 1, std::memory_order_acq_rel)) continue;
            ipc_step();
            return slot;
        }
    }

    [[nodiscard]] bool has_calls() const noexcept {
        return head_.load(std::memory_order_seq_cst) != tail_.load(std::memory_order_seq_cst);
    }

private:
    alignas(64) std::atomic<std::uint64_t> tail_{0};  // calls that were put in
    alignas(64) std::atomic<std::uint64_t> head_{0};  // ... and taken out
    alignas(64) std::atomic<std::uint32_t> places_[Slots];
};

class done_stack {
public:
    // Any worker. `next` is the slot's link.
    void push(std::uint32_t slot, std::uint32_t& next) noexcept {
        std::uint32_t first = newest_.load(std::memory_order_relaxed);
        do {
            next = first;
            ipc_step();
        } while (!newest_.compare_exchange_weak(first, slot + 1, std::memory_order_seq_cst,
                                                std::memory_order_relaxed));
        ipc_step();
    }

    // The loop: fn(slot) for each, in the order in which they were pushed.
    template <class Link, class F>
    void take_all(Link link, F fn) {
        std::uint32_t newest = newest_.exchange(0, std::memory_order_seq_cst);
        ipc_step();
        std::uint32_t oldest = 0;
        while (newest != 0) {
            std::uint32_t& next = link(newest - 1);
            const std::uint32_t following = next;
            next = oldest;
            oldest = newest;
            newest = following;
        }
        while (oldest != 0) {
            const std::uint32_t slot = oldest - 1;
            oldest = link(slot);
            fn(slot);
        }
    }

    [[nodiscard]] bool empty() const noexcept { return newest_.load(std::memory_order_relaxed) == 0; }

private:
    alignas(64) std::atomic<std::uint32_t> newest_{0};  // slot + 1
};

// A worker says that it sleeps, then looks once more; the loop puts a call in, then looks who sleeps. Both with sequential
// consistency, so one of them sees the other.
class sleeper {
public:
    // The worker. False when there is something to do after all; else it may sleep while sleeps() says so.
    template <class F>
    bool fall_asleep(F something) noexcept {
        asleep.store(1, std::memory_order_seq_cst);
        ipc_step();
        if (!something()) return true;
        asleep.store(0, std::memory_order_seq_cst);
        ipc_step();
        return false;
    }
    [[nodiscard]] bool sleeps() const noexcept { return asleep.load(std::memory_order_seq_cst) != 0; }

    // The loop. True: it slept, and is to be woken from `asleep`.
    bool rouse() noexcept {
        const bool slept = sleeps() && asleep.exchange(0, std::memory_order_seq_cst) != 0;
        ipc_step();
        return slept;
    }

    std::atomic<std::uint32_t> asleep{0};
};

}  // namespace bide::detail

// bide/system: the shared memory of a process_lock, process_event, process_semaphore or process_queue.
//
// Several processes work on it without a lock of their own, and each of them may be killed between any two instructions.
// So every fact is one word, changed at once, and whoever finds a dead process's words puts them right. What there is:
//
//   members   the handles that have it open, 64 at most: the process each belongs to, and the door at which it is rung
//   rows      up to two: which members wait, a bit for each, and since when, a ticket
//   the body  what the kind of object adds: places, a flag, a ring of items
//
// The rules that make it safe:
//
// 1. A member waits by taking a ticket, setting its bit, and then looking at the body once more. Whoever changes the
//    body looks at the bits afterwards. One of the two sees the other (all these accesses are sequentially consistent).
// 2. A ring says "look", never what there is to see. A member that is rung, and cannot or will not take what there is,
//    rings the next one.
// 3. Whoever waits watches all other members. When one dies, all who wait look: so a ring that was never sent because
//    its sender died is not missed. A member that joins rings all who wait, so that they watch it, too.
// 4. What a dead member leaves is put right by one process: the one that marks the member as being recovered by itself.
//    If it dies meanwhile, another one takes over; all that is done is harmless when it is done twice. Only then the
//    place of the member is free for another one. So a place, a bit or a ticket with its index can be no one else's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "os/fd.hpp"
#include "os/peer.hpp"
#include "system/ipc_step.hpp"
#include "system/named_block.hpp"

namespace bide::detail {

class ipc_block;

using shared_word = std::atomic<std::uint64_t>;
static_assert(shared_word::is_always_lock_free && sizeof(shared_word) == sizeof(std::uint64_t));

inline constexpr unsigned most_members = 64;

struct alignas(64) ipc_member {
    shared_word who;  // process_key, 0: free; with `recovering`, of the process that puts right what it left
    shared_word door;
    shared_word ticket[2];
    shared_word
        owner;  // process_key of who joined; unlike `who`, it stays while others put right what that one left

    static constexpr std::uint64_t recovering = std::uint64_t{1} << 63;
};

struct ipc_header {
    char magic[8];
    std::uint64_t kind;
    std::uint64_t numbers[2];  // what those who share it must agree on
    alignas(64) shared_word waiting[2];
    shared_word next_ticket;
    shared_word joined;  // how many ever
    ipc_member members[most_members];
};

// What a kind of object is like.
struct ipc_shape {
    const char* what;            // "process_lock"
    std::uint64_t kind;          // a number that no other kind has
    std::uint64_t numbers[2]{};  // for a new one
    std::size_t body = 0;        // bytes
    void (*fill)(std::byte* body, const ipc_shape&) = nullptr;
    // Takes back what a member had that is no more; `who` is the process that joined as that member.
    void (*take_back)(ipc_block&, unsigned member, process_key who) noexcept = nullptr;
};

class ipc_block {
public:
    ipc_block(const ipc_shape& shape, std::string name, block_open how);
    ipc_block(const ipc_shape& shape, int fd);
    ipc_block(const ipc_block&) = delete;
    ipc_block& operator=(const ipc_block&) = delete;
    ~ipc_block();

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] std::string label() const { return block_label(shape_.what, name_); }
    [[nodiscard]] int fd() const noexcept { return map_.fd(); }
    // It was adopted, and what it is adopted for fails: it stays the caller's.
    void disown_fd() noexcept { map_.release_fd(); }
    [[nodiscard]] std::uint64_t number(int which) const noexcept { return header().numbers[which]; }
    [[nodiscard]] std::byte* body() const noexcept;
    [[nodiscard]] std::size_t body_size() const noexcept;
    static std::string system_name(const char* what, const std::string& name);

    // This handle's index. In the child of a fork it becomes a member of its own first; throws when there are too many.
    unsigned member() {
        if (made_in_ != fork_count_now()) [[unlikely]]
            join();
        return member_;
    }
    [[nodiscard]] bool is_joined() const noexcept { return made_in_ == fork_count_now(); }
    // The process that has joined as this member, dead or not.
    [[nodiscard]] process_key owner_of(unsigned member) const noexcept {
        return header().members[member].owner.load();
    }

    // --- rows; this handle is a member ---
    void enter_row(int row, std::uint64_t door) noexcept;
    void take_ticket(int row) noexcept;
    // For a row in which it was rung, which takes it out: with the ticket that it has.
    void enter_again(int row) noexcept;
    void leave_row(int row) noexcept;
    [[nodiscard]] std::uint64_t waiting(int row) const noexcept { return header().waiting[row].load(); }
    [[nodiscard]] bool others_wait(int row) const noexcept { return (waiting(row) & ~bit(member_)) != 0; }
    // Whether no other member has waited longer.
    [[nodiscard]] bool is_first(int row) const noexcept;
    // Rings the member that has waited longest, of those that have waited longer than this one. False when there is none
    // but those whose doors are gone: of a process that called exec(), which keeps its id and forgets its handles.
    bool ring_before(int row) noexcept;
    // Rings the member that has waited longest, but for this one.
    void ring_first(int row) noexcept;
    // Takes the member out that has waited longest and rings it. True when that is this one.
    bool call_first(int row) noexcept;
    void ring_all() noexcept;

    // --- members ---
    [[nodiscard]] std::uint64_t joined() const noexcept { return header().joined.load(); }
    // Calls fn(process_key) for every process that a member or a recovery belongs to, but for this one.
    template <class F>
    void each_peer(F&& fn) const {
        for (const ipc_member& each : header().members) {
            const process_key who = each.who.load() & ~ipc_member::recovering;
            if (who != 0 && who != own_) fn(who);
        }
    }
    // Puts right what a process left that is dead.
    void recover(process_key dead) noexcept;
    void recover_all_dead() noexcept;

private:
    static std::uint64_t bit(unsigned member) noexcept { return std::uint64_t{1} << member; }
    static std::uint32_t fork_count_now() noexcept;
    [[nodiscard]] ipc_header& header() const noexcept {
        return *reinterpret_cast<ipc_header*>(map_.at());  // what check() has found there
    }
    void check() const;
    void join();
    bool find_place() noexcept;
    void clear(unsigned member, std::uint64_t expected) noexcept;
    [[nodiscard]] int first_of(int row, std::uint64_t among) const noexcept;
    bool ring(unsigned member) noexcept;

    const ipc_shape shape_;
    std::string name_;
    unique_fd bell_;
    block_map map_;
    process_key own_ = 0;
    unsigned member_ = 0;
    std::uint32_t made_in_ = 0;
};

}  // namespace bide::detail

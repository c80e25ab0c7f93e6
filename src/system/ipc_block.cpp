// bide/system: the shared memory of a process_lock, process_event, process_semaphore or process_queue.
#include "system/ipc_block.hpp"

#include <bide/error.hpp>

#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>

#include "os/fork_count.hpp"

namespace bide::detail {

std::uint64_t ipc_dies_at = 0;
void (*ipc_death)() noexcept = sys::die_at_once;

namespace {

constexpr char magic[8] = {'b', 'i', 'd', 'e',
                           'i', 'p', 'c', '2'};  // the last one is the version of the layout

constexpr std::size_t body_offset = (sizeof(ipc_header) + 63) / 64 * 64;

class ipc_filler final : public block_filler {
public:
    explicit ipc_filler(const ipc_shape& shape) noexcept : shape_(shape) {}
    void fill(std::byte* at) const override {
        auto& header = *::new (static_cast<void*>(at)) ipc_header{};
        std::memcpy(header.magic, magic, sizeof magic);
        header.kind = shape_.kind;
        header.numbers[0] = shape_.numbers[0];
        header.numbers[1] = shape_.numbers[1];
        if (shape_.fill != nullptr) shape_.fill(at + body_offset, shape_);
    }

private:
    const ipc_shape& shape_;
};

process_key own_process(const std::string& label) {
    const process_key own = sys::this_process();
    if (own != 0) return own;
    const int error = errno;
    throw_block_error(error, label + ": read /proc/self/stat");
}

// All that may fail for want of a descriptor: before a name is published.
unique_fd open_bell(const std::string& label) {
    static_cast<void>(own_process(label));
    const int fd = sys::open_bell();
    if (fd < 0) throw_block_error(-fd, label + ": open a socket to wake others with");
    return unique_fd(fd);
}

block_map open_map(const ipc_shape& shape, const std::string& name, block_open how) {
    if (!name.empty()) check_block_name(shape.what, name);
    const ipc_filler filler(shape);
    const std::string label = block_label(shape.what, name);
    return open_or_make(name.empty() ? name : ipc_block::system_name(shape.what, name), how,
                        body_offset + shape.body, label, &filler);
}

}  // namespace

std::string ipc_block::system_name(const char* what, const std::string& name) {
    return "bide." + std::string(what) + "." + name;
}

std::uint32_t ipc_block::fork_count_now() noexcept { return fork_count(); }

std::byte* ipc_block::body() const noexcept { return map_.at() + body_offset; }
std::size_t ipc_block::body_size() const noexcept { return map_.size() - body_offset; }

ipc_block::ipc_block(const ipc_shape& shape, std::string name, block_open how)
    : shape_(shape), name_(std::move(name)), bell_(open_bell(label())), map_(open_map(shape_, name_, how)) {
    check();
    join();
}

ipc_block::ipc_block(const ipc_shape& shape, int fd)
    : shape_(shape), bell_(open_bell(block_label(shape.what, {}))) {
    map_ = adopt_block(fd, label());
    try {
        check();
        join();
    } catch (...) {
        map_.release_fd();  // it stays the caller's
        throw;
    }
}

ipc_block::~ipc_block() {
    if (made_in_ != fork_count()) return;  // the parent's membership
    clear(member_, own_);
}

void ipc_block::check() const {
    const bool fits = map_.size() >= body_offset && std::memcmp(header().magic, magic, sizeof magic) == 0;
    if (!fits)
        throw std::invalid_argument(label() + ": this block is none of bide's, or of another version of it");
    if (header().kind != shape_.kind)
        throw std::invalid_argument(label() + ": this block holds another kind of object");
}

// --- members ---

bool ipc_block::find_place() noexcept {
    for (unsigned i = 0; i < most_members; ++i) {
        std::uint64_t none = 0;
        if (header().members[i].who.load() != 0 ||
            !header().members[i].who.compare_exchange_strong(none, own_))
            continue;
        ipc_step();
        header().members[i].owner.store(own_);  // before it has anything
        member_ = i;
        return true;
    }
    return false;
}

void ipc_block::join() {
    own_ = own_process(label());
    recover_all_dead();
    if (!find_place())
        throw invalid_state_error(label() + ": " + std::to_string(most_members) +
                                  " handles are open, in all processes together; close one");
    made_in_ = fork_count();
    ipc_step();
    header().joined.fetch_add(1);
    ipc_step();
    ring_all();
}

// Takes back what a member had, and frees its place. `expected`: what its word holds.
void ipc_block::clear(unsigned index, std::uint64_t expected) noexcept {
    ipc_member& member = header().members[index];
    const std::uint64_t mark = own_ | ipc_member::recovering;
    if (!member.who.compare_exchange_strong(expected, mark)) return;  // somebody else does it
    ipc_step();
    if (shape_.take_back != nullptr) shape_.take_back(*this, index, member.owner.load());
    ipc_step();
    for (int row = 0; row < 2; ++row) {
        header().waiting[row].fetch_and(~bit(index));
        ipc_step();
        member.ticket[row].store(0);
        ipc_step();
    }
    member.door.store(0);
    ipc_step();
    member.who.store(0);
    ipc_step();
    ring_all();
}

void ipc_block::recover(process_key dead) noexcept {
    for (unsigned i = 0; i < most_members; ++i) {
        const std::uint64_t found = header().members[i].who.load();
        if ((found & ~ipc_member::recovering) == dead) clear(i, found);
    }
}

void ipc_block::recover_all_dead() noexcept {
    process_key last = 0;
    for (unsigned i = 0; i < most_members; ++i) {
        const process_key who = header().members[i].who.load() & ~ipc_member::recovering;
        if (who == 0 || who == last || sys::is_alive(who)) continue;
        recover(who);
        last = who;
    }
}

// --- rows ---

void ipc_block::take_ticket(int row) noexcept {
    header().members[member_].ticket[row].store(header().next_ticket.fetch_add(1) + 1);
    ipc_step();
}

void ipc_block::enter_again(int row) noexcept {
    header().waiting[row].fetch_or(bit(member_));
    ipc_step();
}

void ipc_block::enter_row(int row, std::uint64_t door) noexcept {
    header().members[member_].door.store(door);
    take_ticket(row);
    enter_again(row);
}

void ipc_block::leave_row(int row) noexcept {
    header().waiting[row].fetch_and(~bit(member_));
    ipc_step();
}

int ipc_block::first_of(int row, std::uint64_t among) const noexcept {
    int first = -1;
    std::uint64_t earliest = UINT64_MAX;
    for (std::uint64_t left = waiting(row) & among; left != 0; left &= left - 1) {
        const int index = __builtin_ctzll(left);
        const std::uint64_t ticket = header().members[index].ticket[row].load();
        if (ticket >= earliest) continue;
        earliest = ticket;
        first = index;
    }
    return first;
}

bool ipc_block::is_first(int row) const noexcept {
    const std::uint64_t own = header().members[member_].ticket[row].load();
    const int first = first_of(row, ~bit(member_));
    return first < 0 || header().members[first].ticket[row].load() > own;
}

// False when nobody has the door: its process is dead, or its loop is being closed and leaves the row by itself.
bool ipc_block::ring(unsigned index) noexcept {
    const ipc_member& member = header().members[index];
    const std::uint64_t who = member.who.load();
    const std::uint64_t door = member.door.load();
    if (door != 0 && sys::ring(bell_.get(), door) >= 0) return true;
    const process_key process = who & ~ipc_member::recovering;
    if (process != 0 && !sys::is_alive(process)) clear(index, who);
    return false;
}

bool ipc_block::ring_before(int row) noexcept {
    ipc_step();
    for (std::uint64_t among = ~std::uint64_t{0};;) {
        const int first = first_of(row, among);
        if (first < 0 || static_cast<unsigned>(first) == member_) return false;
        if (ring(static_cast<unsigned>(first))) return true;
        among &= ~bit(static_cast<unsigned>(first));
    }
}

void ipc_block::ring_first(int row) noexcept {
    ipc_step();
    for (std::uint64_t among = ~bit(member_);;) {
        const int first = first_of(row, among);
        if (first < 0 || ring(static_cast<unsigned>(first))) return;
        among &= ~bit(static_cast<unsigned>(first));
    }
}

bool ipc_block::call_first(int row) noexcept {
    ipc_step();
    for (;;) {
        const int first = first_of(row, ~std::uint64_t{0});
        if (first < 0) return false;
        const std::uint64_t mark = bit(static_cast<unsigned>(first));
        if ((header().waiting[row].fetch_and(~mark) & mark) == 0) continue;  // somebody else calls it
        ipc_step();
        if (static_cast<unsigned>(first) == member_) return true;
        if (ring(static_cast<unsigned>(first))) return false;
    }
}

void ipc_block::ring_all() noexcept {
    for (std::uint64_t left = (waiting(0) | waiting(1)) & ~bit(member_); left != 0; left &= left - 1)
        static_cast<void>(ring(static_cast<unsigned>(__builtin_ctzll(left))));
}

}  // namespace bide::detail

// bide/os: receives of a ring that stay armed: one entry brings what comes on a descriptor, again and again.
#include "os/uring_receives.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace bide::detail {

namespace {

constexpr std::uint32_t generation_mask = (1U << 29) - 1;

}  // namespace

void uring_receives::place::keep(const char* bytes, std::size_t count) {
    if (early == nullptr) early = std::make_unique<kept>();
    early->bytes.append(bytes, count);
}

void uring_receives::place::keep_error(int error) {
    if (early == nullptr) early = std::make_unique<kept>();
    early->error = error;
}

int uring_receives::place::early_result() const noexcept {
    return early->head < early->bytes.size() ? 1 : -early->error;
}

std::ptrdiff_t uring_receives::place::take(void* to, std::size_t most) noexcept {
    const std::size_t count = std::min(most, early->bytes.size() - early->head);
    std::ptrdiff_t result = static_cast<std::ptrdiff_t>(count);
    if (count != 0) std::memcpy(to, early->bytes.data() + early->head, count);
    early->head += count;
    if (early->head < early->bytes.size()) return result;
    if (count == 0) result = -std::exchange(early->error, 0);
    if (early->error == 0) early.reset();
    return result;
}

uring_receives::place& uring_receives::at(int fd) {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= places_.size()) places_.resize(std::max(index + 1, places_.size() * 2));
    return places_[index];
}

uring_receives::place* uring_receives::of_ticket(std::uint64_t ticket) noexcept {
    place* const found = find(static_cast<int>(ticket & 0xffffffffU));
    return found != nullptr && found->generation == ticket >> 32 ? found : nullptr;
}

void uring_receives::renew(place& which) noexcept {
    const std::uint32_t next = (which.generation + 1) & generation_mask;
    which = place();
    which.generation = next;
}

void uring_receives::forget_waiters() noexcept {
    for (place& each : places_) each.waiter = nullptr;
}

}  // namespace bide::detail

// bide/os: memory that a ring lends to those who wait to receive, one piece for each receive that has brought something.
#include "os/uring_buffers.hpp"

#include <sys/mman.h>

#include <new>

namespace bide::detail {

namespace {

constexpr std::size_t ring_bytes(unsigned count) noexcept { return count * sizeof(io_uring_buf); }

}  // namespace

uring_buffers::~uring_buffers() {
    if (ring_ != nullptr) ::munmap(ring_, ring_bytes(count));
}

void uring_buffers::open(io_uring& ring) noexcept {
    tried_ = true;
    memory_.reset(new (std::nothrow) char[stride * count]);
    if (memory_ == nullptr) return;
    void* const mapped =
        ::mmap(nullptr, ring_bytes(count), PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (mapped == MAP_FAILED) return memory_.reset();
    // After a fork the kernel would go on with the page that the child keeps.
    ::madvise(mapped, ring_bytes(count), MADV_DONTFORK);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uint64_t>(mapped);
    registration.ring_entries = count;
    registration.bgid = group;
    if (::io_uring_register_buf_ring(&ring, &registration, 0) != 0) {
        ::munmap(mapped, ring_bytes(count));
        return memory_.reset();
    }
    ring_ = static_cast<io_uring_buf_ring*>(mapped);
    ::io_uring_buf_ring_init(ring_);
    for (unsigned i = 0; i < count; ++i) offer(i, i);
    ::io_uring_buf_ring_advance(ring_, static_cast<int>(count));
}

void uring_buffers::give_back(void* piece) noexcept {
    offer(static_cast<unsigned>(static_cast<std::size_t>(static_cast<char*>(piece) - memory_.get()) / stride),
          0);
    ::io_uring_buf_ring_advance(ring_, 1);
}

void uring_buffers::offer(unsigned index, unsigned ahead) noexcept {
    ::io_uring_buf_ring_add(ring_, memory_.get() + stride * index, lent_size,
                            static_cast<unsigned short>(index), ::io_uring_buf_ring_mask(count),
                            static_cast<int>(ahead));
}

}  // namespace bide::detail

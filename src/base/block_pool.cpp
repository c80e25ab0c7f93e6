// bide/base: the slow paths of the block pool, and the depot that threads share.
#include <bide/detail/base/block_pool.hpp>

#include <bide/error.hpp>
#include <bide/frame_allocator.hpp>

#include <atomic>
#include <mutex>
#include <new>

namespace bide::detail {

constinit thread_local pool_cache this_pool{};

namespace {

constexpr std::uint32_t batch = 64;        // blocks moved at once between a thread and the depot
constexpr std::uint32_t keep = 4 * batch;  // blocks a thread keeps of each class beyond those it gave out
constexpr std::size_t chunk_size = 64 * 1024;
constexpr bool pooled = BIDE_ASAN == 0 && BIDE_TSAN == 0;

std::atomic<bool> used{false};
std::atomic<const frame_allocator*> replacement{nullptr};

struct depot {
    std::mutex mutex;
    free_block* lists[pool_classes] = {};
    char* chunk = nullptr;
    std::size_t left = 0;

    static depot& instance() {
        static depot* const the = new depot;  // outlives every thread and static object
        return *the;
    }

    // Null when there is no memory.
    free_block* carve(std::size_t size) noexcept {
        if (left < size) {
            void* const more = ::operator new(chunk_size, std::nothrow);
            if (more == nullptr) return nullptr;
            chunk = static_cast<char*>(more);
            left = chunk_size;
        }
        auto* const block = reinterpret_cast<free_block*>(chunk);
        chunk += size;
        left -= size;
        return block;
    }

    free_block* take(std::size_t index) noexcept {
        free_block* const block = lists[index];
        if (block == nullptr) return carve(index * pool_step);
        lists[index] = block->next;
        return block;
    }

    void give_back(pool_cache& pool, std::size_t index, std::uint32_t count) noexcept {
        const std::lock_guard lock(mutex);
        for (std::uint32_t i = 0; i < count && pool.lists[index] != nullptr; ++i) {
            free_block* const block = pool.lists[index];
            pool.lists[index] = block->next;
            block->next = lists[index];
            lists[index] = block;
            ++pool.room[index];
        }
    }
};

// Returns a thread's lists to the depot when the thread ends.
struct thread_exit {
    ~thread_exit() {
        for (std::size_t i = 0; i < pool_classes; ++i) {
            depot::instance().give_back(this_pool, i, UINT32_MAX);
            this_pool.room[i] = 0;  // what is freed from here on goes straight to the depot
        }
        gone = true;
    }
    static thread_local bool gone;
};
thread_local bool thread_exit::gone = false;

void arm_thread() {
    static thread_local thread_exit at_exit;
    static_cast<void>(&at_exit);
}

void* plain_allocate(std::size_t size) {
    const frame_allocator* const other = replacement.load(std::memory_order_acquire);
    return other != nullptr ? other->allocate(size) : ::operator new(size);
}

void plain_free(void* at, std::size_t size) noexcept {
    const frame_allocator* const other = replacement.load(std::memory_order_acquire);
    if (other != nullptr) return other->deallocate(at, size);
    ::operator delete(at);
}

bool use_pool(std::size_t index) noexcept {
    return pooled && index != 0 && index < pool_classes &&
           replacement.load(std::memory_order_relaxed) == nullptr;
}

}  // namespace

void* pool_allocate_slow(std::size_t size) {
    if (!used.load(std::memory_order_relaxed)) used.store(true, std::memory_order_release);
    const std::size_t index = (size + pool_step - 1) / pool_step;
    if (!use_pool(index)) return plain_allocate(size);
    arm_thread();
    depot& from = depot::instance();
    const std::lock_guard lock(from.mutex);
    free_block* const first = from.take(index);
    if (first == nullptr) throw std::bad_alloc();
    if (thread_exit::gone) return first;  // nobody would return what this thread keeps
    pool_cache& pool = this_pool;
    if (pool.room[index] == 0) pool.room[index] = keep;
    ++pool.room[index];  // the block that is given out may come back
    for (std::uint32_t i = 1; i < batch; ++i) {
        free_block* const block = from.take(index);
        if (block == nullptr) break;
        block->next = pool.lists[index];
        pool.lists[index] = block;
    }
    return first;
}

void pool_free_slow(void* at, std::size_t size) noexcept {
    const std::size_t index = (size + pool_step - 1) / pool_step;
    if (!use_pool(index)) return plain_free(at, size);
    pool_cache& pool = this_pool;
    if (pool.lists[index] == nullptr &&
        !thread_exit::gone) {  // this thread's first of the class was made elsewhere
        arm_thread();
        pool.room[index] = keep;
    }
    auto* const block = static_cast<free_block*>(at);
    block->next = pool.lists[index];
    pool.lists[index] = block;
    if (pool.room[index] == 0)
        depot::instance().give_back(pool, index, thread_exit::gone ? UINT32_MAX : batch);
    --pool.room[index];
    if (thread_exit::gone) pool.room[index] = 0;
}

}  // namespace bide::detail

namespace bide {

void set_frame_allocator(const frame_allocator& allocator) {
    if (detail::used.load(std::memory_order_acquire)) {
        throw invalid_state_error(
            "set_frame_allocator: coroutine frames exist already; call it first in main()");
    }
    static frame_allocator kept = allocator;
    kept = allocator;
    detail::replacement.store(&kept, std::memory_order_release);
}

}  // namespace bide

// bide/os: threads that perform blocking calls, started on demand, joined at the end.
#include "os/worker_pool.hpp"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace bide::detail {

namespace {
std::atomic<std::size_t> parked{0};
}

struct worker_pool::state : std::enable_shared_from_this<state> {
    std::mutex mutex;
    std::condition_variable work_ready;
    job* head = nullptr;
    job** tail = &head;
    std::vector<std::thread> threads;
    std::size_t limit;
    std::size_t idle = 0;
    bool closed = false;
    std::string prefix;
    move_only_function<bool()> initializer;

    job* pop() noexcept {
        job* const work = head;
        head = work->next;
        if (head == nullptr) tail = &head;
        return work;
    }

    void work_loop(std::size_t index) {
        const std::string name = (prefix + "_" + std::to_string(index)).substr(0, 15);  // the kernel's limit
        ::pthread_setname_np(::pthread_self(), name.c_str());
        if (initializer && !initializer()) return;
        std::unique_lock lock(mutex);
        for (;;) {
            while (head == nullptr && !closed) {
                ++idle;
                parked.fetch_add(1, std::memory_order_relaxed);
                work_ready.wait(lock);
                parked.fetch_sub(1, std::memory_order_relaxed);
                --idle;
            }
            if (head == nullptr) return;
            job* const work = pop();
            lock.unlock();
            work->run();
            lock.lock();
        }
    }

    // Signals belong to the threads of the program: a worker that took one would run its handler in a place where
    // nobody expects it.
    void start_thread() {
        sigset_t all;
        sigset_t before;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before);
        try {
            threads.emplace_back([self = shared_from_this(), index = threads.size()] { self->work_loop(index); });
        } catch (...) {
            ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
            if (threads.empty()) throw;  // with at least one thread the job is only later, not lost
            return;
        }
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
};

worker_pool::worker_pool(std::size_t max_threads, std::string name_prefix) : state_(std::make_shared<state>()) {
    state_->limit = max_threads;
    state_->prefix = std::move(name_prefix);
}

worker_pool::~worker_pool() {
    shut_down();
    join();
}

void worker_pool::set_initializer(move_only_function<bool()> initializer) {
    state_->initializer = std::move(initializer);
}

bool worker_pool::submit(job& work) {
    bool wake = false;
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->closed) return false;
        work.next = nullptr;
        job** const slot = state_->tail;
        *slot = &work;
        state_->tail = &work.next;
        std::size_t queued = 0;
        for (const job* at = state_->head; at != nullptr && queued <= state_->idle; at = at->next) ++queued;
        wake = state_->idle > 0;
        if (queued > state_->idle && state_->threads.size() < state_->limit) {
            try {
                state_->start_thread();
            } catch (...) {
                *slot = nullptr;
                state_->tail = slot;
                throw;
            }
        }
    }
    if (wake) state_->work_ready.notify_one();
    return true;
}

bool worker_pool::withdraw(job& work) noexcept {
    const std::lock_guard lock(state_->mutex);
    for (job** at = &state_->head; *at != nullptr; at = &(*at)->next) {
        if (*at != &work) continue;
        *at = work.next;
        if (state_->tail == &work.next) state_->tail = at;
        return true;
    }
    return false;
}

void worker_pool::shut_down() noexcept {
    {
        const std::lock_guard lock(state_->mutex);
        state_->closed = true;
    }
    state_->work_ready.notify_all();
}

void worker_pool::join() noexcept {
    std::vector<std::thread> threads;
    {
        const std::lock_guard lock(state_->mutex);
        threads.swap(state_->threads);
    }
    for (std::thread& thread : threads) {
        // A job that drops the last handle of its own pool ends up here on its own thread.
        if (thread.get_id() == std::this_thread::get_id()) {
            thread.detach();
        } else {
            thread.join();
        }
    }
}

std::size_t worker_pool::max_threads() const noexcept { return state_->limit; }

std::size_t worker_pool::threads() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->threads.size();
}

std::size_t worker_pool::idle_threads() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->idle;
}

worker_pool& worker_pool::shared() {
    static worker_pool pool(16, "bide-io");
    return pool;
}

std::size_t worker_pool::parked_threads() noexcept { return parked.load(std::memory_order_relaxed); }

}  // namespace bide::detail

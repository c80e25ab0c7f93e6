// bide/os: threads that perform blocking calls, started on demand, joined at the end.
//
// One mutex guards the queue and the counts:
//
//   queued   jobs that no thread has taken
//   idle     threads that will look at the queue before they sleep: parked, about to park, or still starting
//   alive    threads that have not left
//
// A thread is started when queued > idle. So it matters that a thread is counted as idle before anybody learns that
// its job has ended: otherwise a caller who makes one call after the other would find no idle thread each time, and
// start another, up to the limit. Hence the two phases of a job, run and finish.
//
// To wake a thread costs more than a short job. So only one is being woken at a time: it wakes the next when it takes a
// job and leaves others in the queue, which by then those that were awake may have done.
#include "os/worker_pool.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <bide/error.hpp>

#include "os/fork_count.hpp"

namespace bide::detail {

namespace {

std::atomic<std::size_t> all_parked{0};
constinit thread_local const void* pool_of_thread =
    nullptr;  // state of the pool that the calling thread works for

// The child of a fork has none of these threads, and its own thread is nobody's worker.
[[maybe_unused]] const int forget_in_child = ::pthread_atfork(nullptr, nullptr, [] {
    all_parked.store(0, std::memory_order_relaxed);
    pool_of_thread = nullptr;
});

constexpr std::size_t name_limit = 15;  // the kernel's

std::string thread_name(const std::string& prefix, std::size_t index) {
    const std::string suffix = "_" + std::to_string(index);
    return prefix.substr(0, name_limit - std::min(name_limit, suffix.size())) + suffix;
}

std::exception_ptr broken_by(const std::exception_ptr& error) {
    return std::make_exception_ptr(
        broken_thread_pool("the initializer of a worker thread threw: " + describe_exception(error) +
                           "; this pool runs no jobs any more"));
}

// Signals belong to the threads of the program: a worker that took one would run its handler in a place where nobody
// expects it. A new thread inherits the mask.
class no_signals {
public:
    no_signals() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~no_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    no_signals(const no_signals&) = delete;
    no_signals& operator=(const no_signals&) = delete;

private:
    sigset_t before_;
};

}  // namespace

struct worker_pool::state : std::enable_shared_from_this<state> {
    mutable std::mutex mutex;
    std::condition_variable work_ready;
    std::condition_variable thread_left;
    worker_job* head = nullptr;
    worker_job* tail = nullptr;
    std::size_t queued = 0;
    std::size_t idle = 0;
    std::size_t starting = 0;  // of the idle ones, those that have not looked at the queue yet
    std::size_t parked = 0;    // what this pool has added to all_parked
    std::size_t asleep = 0;
    bool waking = false;  // one of those was told, and has not looked yet
    std::size_t alive = 0;
    std::size_t started = 0;
    std::size_t limit = 0;
    bool closed = false;
    std::exception_ptr failure;
    std::vector<std::thread> threads;
    std::string prefix;
    move_only_function<void()> initializer;
    std::vector<move_only_function<void()>> on_ended;

    void append(worker_job& work) noexcept {
        work.queued = true;
        work.next = nullptr;
        work.prev = tail;
        (tail == nullptr ? head : tail->next) = &work;
        tail = &work;
        ++queued;
    }

    void remove(worker_job& work) noexcept {
        (work.prev == nullptr ? head : work.prev->next) = work.next;
        (work.next == nullptr ? tail : work.next->prev) = work.prev;
        work.queued = false;
        --queued;
    }

    // A queued job has claimed one of the idle threads, although that may not have noticed yet. Release: whoever sees
    // the count also sees what the thread did for its last job.
    void count_parked() noexcept {
        const std::size_t now = idle > starting + queued ? idle - starting - queued : 0;
        if (now != parked) all_parked.fetch_add(now - parked, std::memory_order_acq_rel);
        parked = now;
    }

    // Whether the caller, when it has let go of the mutex, is to wake a thread.
    [[nodiscard]] bool should_wake() noexcept {
        if (head == nullptr || asleep == 0 || waking) return false;
        waking = true;
        return true;
    }

    void start_thread() {
        const no_signals masked;
        try {
            threads.emplace_back([self = shared_from_this(), index = started] { self->thread_main(index); });
        } catch (...) {
            if (alive == 0) throw;  // with at least one thread the job is only later, not lost
            return;
        }
        ++started;
        ++alive;
        ++idle;
        ++starting;
    }

    void thread_main(std::size_t index) {
        pool_of_thread = this;
        ::pthread_setname_np(::pthread_self(), thread_name(prefix, index).c_str());
        std::exception_ptr error;
        try {
            if (initializer) initializer();
        } catch (...) { error = broken_by(std::current_exception()); }
        std::unique_lock lock(mutex);
        --starting;
        count_parked();
        if (error != nullptr) {
            break_down(lock, error);
        } else {
            serve(lock);
        }
        --idle;
        --alive;
        count_parked();
        std::vector<move_only_function<void()>> last_words;
        if (alive == 0 && closed) last_words.swap(on_ended);
        thread_left.notify_all();
        lock.unlock();
        for (auto& each : last_words) each();
    }

    void serve(std::unique_lock<std::mutex>& lock) {
        for (;;) {
            while (head == nullptr && !closed) {
                ++asleep;
                work_ready.wait(lock);
                --asleep;
                waking = false;
            }
            if (head == nullptr) return;
            worker_job& work = *head;
            remove(work);
            --idle;
            count_parked();
            const bool wake = should_wake();
            lock.unlock();
            if (wake) work_ready.notify_one();
            work.ops->run(work);
            lock.lock();
            ++idle;
            count_parked();
            lock.unlock();
            work.ops->finish(work);
            lock.lock();
        }
    }

    void break_down(std::unique_lock<std::mutex>& lock, const std::exception_ptr& error) {
        closed = true;
        if (failure == nullptr) failure = error;
        drop_all(lock, failure);
        work_ready.notify_all();
    }

    // One after the other, because a drop runs foreign code and may take other jobs of the queue back.
    void drop_all(std::unique_lock<std::mutex>& lock, std::exception_ptr why) noexcept {
        while (head != nullptr) {
            worker_job& work = *head;
            remove(work);
            count_parked();
            lock.unlock();
            work.ops->drop(work, why);
            lock.lock();
        }
    }
};

worker_pool::worker_pool(std::size_t max_threads, std::string name_prefix,
                         move_only_function<void()> initializer)
    : state_(std::make_shared<state>()), made_in_(fork_count()) {
    state_->limit = std::max<std::size_t>(1, max_threads);
    state_->prefix = std::move(name_prefix);
    state_->initializer = std::move(initializer);
}

worker_pool::~worker_pool() {
    if (inherited()) {  // its mutex may be locked for ever, and its threads cannot be joined: leave it as it is
        new std::shared_ptr<state>(std::move(state_));
        return;
    }
    shut_down();
    join();
}

bool worker_pool::inherited() const noexcept { return made_in_ != fork_count(); }

bool worker_pool::submit(worker_job& work) {
    if (inherited()) return false;
    bool wake = false;
    {
        state& pool = *state_;
        const std::lock_guard lock(pool.mutex);
        if (pool.closed) return false;
        pool.append(work);
        if (pool.queued > pool.idle && pool.alive < pool.limit) {
            try {
                pool.start_thread();
            } catch (...) {
                pool.remove(work);
                throw;
            }
        }
        pool.count_parked();
        wake = pool.should_wake();
    }
    if (wake) state_->work_ready.notify_one();
    return true;
}

bool worker_pool::withdraw(worker_job& work) noexcept {
    if (inherited()) return false;
    const std::lock_guard lock(state_->mutex);
    if (!work.queued) return false;
    state_->remove(work);
    state_->count_parked();
    return true;
}

void worker_pool::drop_queued() noexcept {
    if (inherited()) return;
    std::unique_lock lock(state_->mutex);
    state_->drop_all(lock, nullptr);
}

void worker_pool::shut_down() noexcept {
    if (inherited()) return;
    {
        const std::lock_guard lock(state_->mutex);
        state_->closed = true;
    }
    state_->work_ready.notify_all();
}

void worker_pool::join() noexcept {
    if (inherited()) return;
    std::vector<std::thread> threads;
    {
        std::unique_lock lock(state_->mutex);
        const std::size_t self = on_worker() ? 1 : 0;
        state_->thread_left.wait(lock, [&] { return state_->alive <= self; });
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

void worker_pool::abandon() noexcept {
    if (inherited()) return;
    shut_down();
    const std::lock_guard lock(state_->mutex);
    for (std::thread& thread : state_->threads) thread.detach();
    state_->threads.clear();
}

void worker_pool::when_ended(move_only_function<void()> fn) {
    if (!inherited()) {
        const std::lock_guard lock(state_->mutex);
        if (state_->alive != 0) {
            state_->on_ended.push_back(std::move(fn));
            return;
        }
    }
    fn();
}

std::exception_ptr worker_pool::failure() const {
    if (inherited()) {
        return std::make_exception_ptr(broken_thread_pool(
            "this pool was made before a fork, and its threads are in the parent process; make a new one"));
    }
    const std::lock_guard lock(state_->mutex);
    return state_->failure;
}

bool worker_pool::is_shut_down() const noexcept {
    if (inherited()) return true;
    const std::lock_guard lock(state_->mutex);
    return state_->closed;
}

bool worker_pool::on_worker() const noexcept { return pool_of_thread == state_.get(); }

std::size_t worker_pool::max_threads() const noexcept { return state_->limit; }

std::size_t worker_pool::threads() const noexcept {
    if (inherited()) return 0;
    const std::lock_guard lock(state_->mutex);
    return state_->alive;
}

std::size_t worker_pool::idle_threads() const noexcept {
    if (inherited()) return 0;
    const std::lock_guard lock(state_->mutex);
    return state_->idle;
}

worker_pool& worker_pool::shared() {
    struct holder {
        std::atomic<worker_pool*> pool{make()};
        static worker_pool* make() { return new worker_pool(16, "bide-io"); }
        ~holder() { delete pool.load(); }
    };
    static holder the;
    worker_pool* pool = the.pool.load(std::memory_order_acquire);
    if (pool->inherited()) [[unlikely]] {  // left as it is: see the destructor
        auto* const own = holder::make();
        if (the.pool.compare_exchange_strong(pool, own)) return *own;
        delete own;  // another thread of this process was first
    }
    return *pool;
}

std::size_t worker_pool::parked_threads() noexcept { return all_parked.load(std::memory_order_acquire); }

std::size_t worker_pool::usable_processors() noexcept {
    cpu_set_t set;
    if (::sched_getaffinity(0, sizeof set, &set) != 0)
        return std::max(1U, std::thread::hardware_concurrency());
    return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
}

}  // namespace bide::detail

// bide/exec: thread_pool on top of the one pool implementation.
#include <bide/thread_pool.hpp>

#include <bide/error.hpp>
#include <bide/loop.hpp>

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "os/worker_pool.hpp"

namespace bide {

namespace detail {

bool withdraw_from(worker_pool& pool, worker_job& job) noexcept { return pool.withdraw(job); }

void submit_call(submitted_job& job, std::shared_ptr<worker_pool> pool) {
    job.pool = pool;
    job.state.retain();
    std::exception_ptr error;
    try {
        if (pool->submit(job)) return;
        error = pool->failure();
        if (error == nullptr) {
            error = std::make_exception_ptr(invalid_state_error("submit: the thread pool is shut down"));
        }
    } catch (...) { error = std::current_exception(); }
    job.pool.reset();
    job.state.release();
    std::rethrow_exception(error);
}

}  // namespace detail

namespace {

constexpr std::size_t most_default_workers = 32;
constexpr std::size_t extra_default_workers = 4;

std::size_t workers_for(std::optional<std::size_t> wanted) {
    if (wanted == 0U)
        throw std::invalid_argument("thread_pool: max_workers is 0; at least one thread is needed");
    if (wanted) return *wanted;
    return std::min(most_default_workers, detail::worker_pool::usable_processors() + extra_default_workers);
}

std::string next_prefix() {
    static std::atomic<unsigned> made{0};
    return "pool-" + std::to_string(made.fetch_add(1, std::memory_order_relaxed));
}

// Those who wait for a job learn why it did not run; that it happened is said once, because it may be that nobody waits.
move_only_function<void()> reporting(std::shared_ptr<move_only_function<void()>> initializer) {
    if (initializer == nullptr) return {};
    return [fn = std::move(initializer)] {
        try {
            (*fn)();
        } catch (...) {
            event_loop::default_exception_handler(
                {"Exception in the initializer of a thread_pool", std::current_exception(), {}, {}});
            throw;
        }
    };
}

}  // namespace

thread_pool::thread_pool(thread_pool_options options) {
    pool_ = std::make_shared<detail::worker_pool>(workers_for(options.max_workers_),
                                                  options.prefix_.empty() ? next_prefix()
                                                                          : std::move(options.prefix_),
                                                  reporting(std::move(options.initializer_)));
}

thread_pool::~thread_pool() {
    if (pool_ == nullptr) return;
    pool_->shut_down();
    pool_->join();
}

void thread_pool::shutdown(shutdown_options options) {
    detail::worker_pool& pool = *core();
    if (options.wait() && pool.on_worker()) {
        throw invalid_state_error("thread_pool::shutdown: a job cannot wait for the end of its own pool");
    }
    pool.shut_down();
    if (options.cancel_futures()) pool.drop_queued();
    if (options.wait()) pool.join();
}

std::size_t thread_pool::max_workers() const { return core()->max_threads(); }
std::size_t thread_pool::threads() const { return core()->threads(); }

const std::shared_ptr<detail::worker_pool>& thread_pool::core() const {
    if (pool_ == nullptr) throw invalid_state_error("this thread_pool is empty: it was moved from");
    return pool_;
}

}  // namespace bide

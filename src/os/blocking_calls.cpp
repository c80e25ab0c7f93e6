// bide/os: operations without a readiness form, each performed by a worker thread.
#include "os/blocking_calls.hpp"

#include <cerrno>
#include <condition_variable>
#include <mutex>

#include "os/fork_count.hpp"
#include "os/worker_pool.hpp"

namespace bide::detail {

struct blocking_calls::arrivals {
    std::mutex mutex;
    std::condition_variable changed;
    ready_queue done;
    std::uint32_t count = 0;
};

struct blocking_calls::call final : worker_job {
    call(timer_node& operation, wakeup& wake_up, std::shared_ptr<arrivals> to) noexcept
        : worker_job(table), node(operation), wake(wake_up), target(std::move(to)) {}

    void arrive() noexcept {
        {
            const std::lock_guard lock(target->mutex);
            node.request->result = result;
            target->done.push(node);
            // Under the lock: once the count is seen, the backend and its wake-up may be destroyed. Who comes first tells
            // the backend, which takes all there are.
            if (target->count++ == 0) wake.signal();
            target->changed.notify_all();
        }
        delete this;
    }

    static void run(worker_job& job) noexcept {
        auto& self = static_cast<call&>(job);
        self.result = self.node.request->kind->attempt(self.node.request->args);
    }
    static void finish(worker_job& job) noexcept { static_cast<call&>(job).arrive(); }
    static void drop(worker_job& job, const std::exception_ptr&) noexcept {
        auto& self = static_cast<call&>(job);
        self.result = -ECANCELED;
        self.arrive();
    }
    static constexpr worker_job_ops table{run, finish, drop};

    timer_node& node;
    wakeup& wake;
    std::shared_ptr<arrivals> target;
    int result = 0;
};

blocking_calls::blocking_calls(wakeup& wake) noexcept : wake_(wake), made_in_(fork_count()) {}

blocking_calls::~blocking_calls() {
    if (!arrivals_ || made_in_ != fork_count()) return;
    std::unique_lock lock(arrivals_->mutex);
    arrivals_->changed.wait(lock, [this] { return arrivals_->count == running_; });
}

void blocking_calls::start(timer_node& node) noexcept {
    ++running_;
    if (!arrivals_) arrivals_ = std::make_shared<arrivals>();
    try {
        auto job = std::make_unique<call>(node, wake_, arrivals_);
        if (worker_pool::shared().submit(*job)) {
            static_cast<void>(job.release());
            return;
        }
    } catch (...) {  // no memory or no thread: the operation fails, the loop lives
    }
    const std::lock_guard lock(arrivals_->mutex);
    node.request->result = -EAGAIN;
    arrivals_->done.push(node);
    if (arrivals_->count++ == 0) wake_.signal();
}

std::uint32_t blocking_calls::collect(ready_queue& done) noexcept {
    if (running_ == 0) return 0;
    const std::lock_guard lock(arrivals_->mutex);
    const std::uint32_t count = arrivals_->count;
    for (ready_node* node = arrivals_->done.take_all(); node != nullptr;) {
        ready_node* const following = node->next_ready;
        static_cast<timer_node*>(node)->request->state = op_state::done;
        done.push(*node);
        node = following;
    }
    arrivals_->count = 0;
    running_ -= count;
    return count;
}

}  // namespace bide::detail

// bide/exec: jobs that come back as futures, and the end of a loop's default executor.
#include <bide/executor.hpp>

#include <bide/context.hpp>
#include <bide/error.hpp>

#include <utility>

#include "exec/exec_services.hpp"

namespace bide::detail {

const worker_job_ops executor_job::job_table{run_job, finish_job, drop_job};

executor_job::~executor_job() { bide::detail::release(context_); }

void executor_job::submit(loop_state& loop, std::shared_ptr<worker_pool> pool, future_core& target,
                          place& at) {
    const auto destroy = [](executor_job* it) noexcept { delete it; };
    std::unique_ptr<executor_job, decltype(destroy)> unsent(this, destroy);
    exec_services& services = exec_services_of(loop);
    pool_ = pool != nullptr ? std::move(pool) : services.default_pool();
    announce(loop);
    target_ = &bide::detail::retain(target);
    at_ = &at;
    at.job = this;
    const std::shared_ptr<worker_pool> kept = pool_;  // the job may be gone before submit() returns
    static_cast<void>(unsent.release());
    try {
        if (kept->submit(*this)) return;
        if (const std::exception_ptr why = kept->failure()) std::rethrow_exception(why);
        throw invalid_state_error("run_in_executor: the thread pool is shut down");
    } catch (...) {
        let_go();
        recall();
        throw;
    }
}

void executor_job::withdraw() noexcept {
    if (!pool_->withdraw(*this)) return;
    drop_call();
    let_go();
    recall();
}

void executor_job::let_go() noexcept {
    at_->job = nullptr;
    bide::detail::release(*target_);
}

void executor_job::run_job(worker_job& job) noexcept {
    auto& self = static_cast<executor_job&>(job);
    if (self.context_ == nullptr) return self.call();
    const context_scope scope(self.context_);
    self.call();
}

void executor_job::finish_job(worker_job& job) noexcept { static_cast<executor_job&>(job).send(); }

void executor_job::drop_job(worker_job& job, const std::exception_ptr& why) noexcept {
    auto& self = static_cast<executor_job&>(job);
    self.drop_call();
    self.dropped_ = true;
    self.error() = why;
    self.send();
}

void executor_job::arrive() {
    future_core& target = *target_;
    at_->job = nullptr;
    const std::unique_ptr<future_core, void (*)(future_core*)> end(
        &target, [](future_core* it) { bide::detail::release(*it); });
    if (target.has(flag::done)) {  // cancelled
        if (error() == nullptr || dropped_) return;
        report(static_cast<loop_core&>(*target.loop),
               {"Exception in a call in a thread pool whose future was cancelled", error(), {}, {}});
        return;
    }
    if (error() != nullptr) return set_failure(target, std::move(error()));
    if (dropped_) {
        cancel_plain(target, "the thread pool was shut down before the call started");
        return;
    }
    try {
        deliver(target);
    } catch (...) {  // the value's move constructor threw
        set_failure(target, std::current_exception());
    }
}

void executor_job::abandon() noexcept { let_go(); }

namespace {

// Arrives when the last thread of a pool has ended.
class pool_end final : public parcel {
public:
    pool_end(loop_state& loop, future<void> ended) : ended_(std::move(ended)) { announce(loop); }

private:
    void arrive() override {
        if (!ended_.done()) ended_.set_result();
    }
    void abandon() noexcept override { ended_ = {}; }
    future<void> ended_;
};

// False when `deadline` came first.
coro<bool> wait_for_end(worker_pool& pool, std::optional<time_point> deadline) {
    event_loop& loop = get_running_loop();
    future<void> ended = create_future();
    bool late = false;
    timer_handle timer;
    if (deadline) {
        timer = loop.call_at(*deadline, [ended, &late] {
            if (ended.done()) return;
            late = true;
            ended.set_result();
        });
    }
    auto* const notice = new pool_end(loop.state(), ended);
    pool.when_ended([notice] { notice->send(); });
    std::exception_ptr error;
    try {
        co_await ended;
    } catch (...) { error = std::current_exception(); }
    timer.cancel();
    if (error) std::rethrow_exception(error);
    co_return !late;
}

}  // namespace

coro<void> shut_down_default_executor(std::optional<duration> limit) {
    event_loop& loop = get_running_loop();
    const std::vector<std::shared_ptr<worker_pool>> pools = exec_services_of(loop.state()).retire();
    std::optional<time_point> deadline;
    if (limit)
        deadline = to_time_point(deadline_after(loop.time().time_since_epoch().count(), limit->count()));
    for (const auto& pool : pools) pool->shut_down();
    for (const auto& pool : pools) {
        const bool ended = co_await wait_for_end(*pool, deadline);
        if (ended) {
            pool->join();
            continue;
        }
        loop.call_exception_handler(
            {"The default executor did not end in time: its threads are left to themselves",
             nullptr,
             {},
             {}});
        pool->abandon();
    }
}

}  // namespace bide::detail

namespace bide {

void set_default_executor(thread_pool& pool) {
    detail::exec_services_of(detail::current_loop_state("set_default_executor"))
        .set_default_pool(pool.core());
}

}  // namespace bide

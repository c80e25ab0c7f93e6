// bide/exec: a job of a thread_pool together with its concurrent_future's state, in one allocation.
#pragma once

#include <bide/concurrent_future.hpp>
#include <bide/detail/os/worker_job.hpp>

#include <memory>
#include <utility>

namespace bide::detail {

class worker_pool;

bool withdraw_from(worker_pool& pool, worker_job& job) noexcept;

// What submit_call() needs of any of them.
class submitted_job : public worker_job {
public:
    explicit submitted_job(const worker_job_ops& table, concurrent_core& of) noexcept
        : worker_job(table), state(of) {}
    concurrent_core& state;
    std::shared_ptr<worker_pool> pool;
};

// The queue's reference is taken here. Throws as thread_pool::submit.
void submit_call(submitted_job& job, std::shared_ptr<worker_pool> pool);

template <class R, class Call>
class submitted_call final : public concurrent_state<R>, public submitted_job {
public:
    explicit submitted_call(Call&& call) : submitted_job(table, *this), call_(std::move(call)) {}

private:
    void withdraw() noexcept override {
        if (this->pool == nullptr || !withdraw_from(*this->pool, *this)) return;
        call_.reset();
        this->release();
    }

    static submitted_call& of(worker_job& job) noexcept { return static_cast<submitted_call&>(job); }

    static void run(worker_job& job) noexcept {
        submitted_call& self = of(job);
        if (self.start_unless_cancelled()) {
            self.set_from(true, self.call_);
        } else {
            self.call_.reset();
        }
    }
    static void finish(worker_job& job) noexcept {
        of(job).announce();
        of(job).release();
    }
    static void drop(worker_job& job, const std::exception_ptr& why) noexcept {
        submitted_call& self = of(job);
        self.call_.reset();
        if (why == nullptr) {
            self.cancel();
        } else {
            self.fail_seen(why);
        }
        self.release();
    }
    static constexpr worker_job_ops table{run, finish, drop};

    bool start_unless_cancelled() noexcept {
        try {
            return this->start();
        } catch (
            ...) {  // somebody called set_running_or_notify_cancel() or set_result(): the job is not ours any more
            return false;
        }
    }

    Call call_;
};

}  // namespace bide::detail

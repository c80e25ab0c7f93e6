// bide/exec: a call in a pool whose result becomes a future of a loop.
#pragma once

#include <bide/detail/exec/bound_call.hpp>
#include <bide/detail/exec/outcome.hpp>
#include <bide/detail/exec/parcel.hpp>
#include <bide/detail/os/worker_job.hpp>
#include <bide/future.hpp>

#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace bide::detail {

class worker_pool;

// Goes to the pool and comes back to the loop. While it is under way it holds a reference of the future.
class executor_job : public parcel, public worker_job {
public:
    // Where the future keeps the job; set back when the job has come or will not come any more.
    struct place {
        executor_job* job = nullptr;
    };

    // Loop thread. Takes a reference of `target`. Throws what the pool's submit throws, invalid_state_error when the pool is
    // shut down or the loop closed, broken_thread_pool; the job is destroyed then.
    void submit(loop_state& loop, std::shared_ptr<worker_pool> pool, future_core& target, place& at);
    // Loop thread: takes it back if it has not started, and destroys it.
    void withdraw() noexcept;

protected:
    executor_job() noexcept : worker_job(job_table) {}
    ~executor_job() override;

    // Worker thread.
    virtual void call() noexcept = 0;
    virtual void drop_call() noexcept = 0;
    // Loop thread: gives the outcome to the future, which is not done. Throws what moving the value throws.
    virtual void deliver(future_core& target) = 0;

    virtual std::exception_ptr& error() noexcept = 0;

    void keep_context(context_data* copied) noexcept { context_ = retain(copied); }

private:
    void arrive() override;
    void abandon() noexcept override;
    void let_go() noexcept;

    static void run_job(worker_job& job) noexcept;
    static void finish_job(worker_job& job) noexcept;
    static void drop_job(worker_job& job, const std::exception_ptr& why) noexcept;
    static const worker_job_ops job_table;

    std::shared_ptr<worker_pool> pool_;
    future_core* target_ = nullptr;
    place* at_ = nullptr;
    context_data* context_ = nullptr;
    bool dropped_ = false;
};

template <class R, class Call>
class executor_job_of final : public executor_job {
public:
    executor_job_of(context_data* copied, Call&& call) : call_(std::move(call)) { keep_context(copied); }

private:
    void call() noexcept override { outcome_.set_from(call_); }
    void drop_call() noexcept override { call_.reset(); }
    void deliver(future_core& target) override {
        auto& state = static_cast<future_state<R>&>(target);
        if constexpr (std::is_reference_v<R>) {
            state.value = std::addressof(outcome_.take());
        } else if constexpr (!std::is_void_v<R>) {
            ::new (static_cast<void*>(std::addressof(state.value))) R(outcome_.take());
        }
        finish_future(state);
    }
    std::exception_ptr& error() noexcept override { return outcome_.error; }

    Call call_;
    outcome<R> outcome_;
};

template <class R>
class executor_future final : public future_state<R>, public executor_job::place {
public:
    explicit executor_future(loop_state* in) noexcept : future_state<R>(in, table) {}

private:
    static void destroy(future_core& self) noexcept { delete &static_cast<executor_future&>(self); }
    // At once, whatever the job does: it is taken back if it has not started, else its result is dropped.
    static bool cancel(future_core& what, const std::string& message) {
        if (!cancel_plain(what, message)) return false;
        auto& self = static_cast<executor_future&>(what);
        if (self.job != nullptr) self.job->withdraw();
        return true;
    }
    static constexpr future_ops table{destroy, cancel, "run_in_executor"};
};

// Submits now. `pool` null: the default one.
template <class Call>
future<typename Call::result_type> start_in_executor(std::shared_ptr<worker_pool> pool, context_data* context,
                                                     Call call) {
    using R = typename Call::result_type;
    loop_state& loop = current_loop_state("run_in_executor");
    auto* const state = new executor_future<R>(&loop);
    future<R> result(*state);
    auto* const job = new executor_job_of<R, Call>(context, std::move(call));
    job->submit(loop, std::move(pool), *state, *state);
    return result;
}

}  // namespace bide::detail

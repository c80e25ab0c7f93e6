// bide/exec: what other threads do to a loop and its tasks.
#include <bide/from_thread.hpp>

#include <bide/error.hpp>

#include <utility>

#include "exec/exec_services.hpp"

namespace bide::detail {

namespace {

// Holds what belongs to the loop's thread; it is sent when nobody visits any more.
class visit_end final : public parcel {
public:
    explicit visit_end(future_core* task) noexcept : task_(task) {
        if (task_ != nullptr) retain(*task_);
    }

    // Loop thread.
    void cancel(const std::string& message) const {
        if (task_ != nullptr) cancel_any(*task_, message);
    }

private:
    void arrive() override { abandon(); }
    void abandon() noexcept override {
        if (future_core* const task = std::exchange(task_, nullptr)) release(*task);
    }

    future_core* task_;
};

}  // namespace

class loop_visitor {
public:
    explicit loop_visitor(visit_end& end) noexcept : end_(end), door_(end.door()) {}
    ~loop_visitor() { end_.send(); }
    loop_visitor(const loop_visitor&) = delete;
    loop_visitor& operator=(const loop_visitor&) = delete;

    // Loop thread.
    void cancel(const std::string& message) const { end_.cancel(message); }
    [[nodiscard]] loop_door& door() const noexcept { return *door_; }

private:
    visit_end& end_;
    std::shared_ptr<loop_door> door_;
};

std::shared_ptr<loop_visitor> visit(loop_state& loop, future_core* task) {
    exec_services_of(loop);  // throws while there is nothing to undo
    auto* const end = new visit_end(task);
    end->announce(loop);
    return std::make_shared<loop_visitor>(*end);
}

bool post_call(loop_visitor& visitor, move_only_function<void()> fn) {
    return visitor.door().with_loop([&](loop_core& core) {
        try {
            core.loop->call_soon_threadsafe(std::move(fn));
            return true;
        } catch (const invalid_state_error&) {  // it is closing just now
            return false;
        }
    });
}

bool post_cancel(const std::shared_ptr<loop_visitor>& visitor, std::string message) {
    return post_call(*visitor, [visitor, message = std::move(message)] { visitor->cancel(message); });
}

void task_link::attach(std::shared_ptr<loop_visitor> visitor) noexcept {
    const std::lock_guard lock(mutex_);
    visitor_ = std::move(visitor);
}

void task_link::detach() noexcept {
    std::shared_ptr<loop_visitor> gone;  // dropped without the mutex
    const std::lock_guard lock(mutex_);
    gone.swap(visitor_);
}

void task_link::cancel() noexcept {
    std::shared_ptr<loop_visitor> visitor;
    {
        const std::lock_guard lock(mutex_);
        visitor = visitor_;
    }
    try {
        if (visitor != nullptr) post_cancel(visitor, {});
    } catch (...) {  // no memory for the message: the task goes on unseen
    }
}

}  // namespace bide::detail

namespace bide {

bool task_handle::cancel_threadsafe(std::string message) const {
    return visitor_ != nullptr && detail::post_cancel(visitor_, std::move(message));
}

task_handle threadsafe_handle(const any_task& task) {
    detail::future_core& core = task.core();
    return task_handle(detail::visit(*core.loop, &core));
}

}  // namespace bide

// bide/core: the parts of a task group: its children, its body, and the wait for them.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/coro.hpp>
#include <bide/detail/core/future_state.hpp>
#include <bide/detail/core/task_base.hpp>

#include <coroutine>
#include <exception>
#include <utility>

namespace bide {

class task_group;

namespace detail {

// A child's membership in its group, part of the task so that it costs no allocation. As a wait_node it is the child's
// first done callback, which the loop runs in the turn after the child has ended; as a ring_link it is among the
// children of the group until then, and keeps a reference to the child.
struct group_link : wait_node, ring_link {
    group_link() noexcept : wait_node{} { ops = &table; }

    void join(task_group& to, task_base& child) noexcept;
    // Ends the membership. The child may be gone afterwards, and this with it.
    void leave() noexcept;

    static void run(ready_node& node);
    static void discard(ready_node& node) noexcept;
    static const void* feeds(const ready_node& node) noexcept;
    static const ready_ops table;

    task_group* group = nullptr;
    task_base* task = nullptr;
};

template <class T>
struct group_child final : task_state<T> {
    explicit group_child(loop_state* in) noexcept : task_state<T>(in) { this->ops = &table; }

    group_link link;

private:
    static constexpr task_ops table{{run_task, discard_task},
                                    [](task_base& self) noexcept { delete static_cast<group_child*>(&self); },
                                    task_state<T>::take};
};

// The body's coroutine, which lives as long as the group. Awaiting run() runs it to its end and throws nothing; how it
// ended is looked at later.
template <class T>
class group_body {
public:
    group_body() = default;
    group_body(const group_body&) = delete;
    group_body& operator=(const group_body&) = delete;
    ~group_body() {
        if (child_ != nullptr) child_.destroy();
    }

    void start(coro<T>&& body) { child_ = std::move(body).release(); }
    void fail(std::exception_ptr error) noexcept { error_ = std::move(error); }

    class awaiter : public awaitable_tag {
    public:
        explicit awaiter(group_body& body) noexcept : body_(body) {}

        [[nodiscard]] bool await_ready() const noexcept { return body_.child_ == nullptr; }
        transfer await_suspend(std::coroutine_handle<> parent) noexcept {
            body_.child_.promise().awaited_by(parent.address());
            return transfer_to(body_.child_);
        }
        void await_resume() noexcept {
            if (body_.child_ == nullptr) return;
            coro_promise<T>& promise = body_.child_.promise();
            if (promise.failed()) body_.error_ = promise.error();
        }

    private:
        group_body& body_;
    };
    [[nodiscard]] awaiter run() noexcept { return awaiter(*this); }

    // Null when there is a value.
    [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }
    T take() { return child_.promise().take(); }

private:
    std::coroutine_handle<coro_promise<T>> child_;
    std::exception_ptr error_;
};

// Waits until there is no child left, or the parent is cancelled: that is noted, and cancels the children.
class group_join : public awaitable_tag, private wait {
public:
    explicit group_join(task_group& group) noexcept : wait{&kind_}, group_(group) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame);
    void await_resume() noexcept;

private:
    static const wait_kind kind_;

    task_group& group_;
};

}  // namespace detail
}  // namespace bide

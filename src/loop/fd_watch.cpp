// bide/loop: add_reader and add_writer, as poll operations that are submitted again after each call.
#include "loop/fd_watch.hpp"

#include <bide/detail/base/scope_guard.hpp>
#include <bide/detail/os/ops.hpp>
#include <bide/error.hpp>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "loop/loop_core.hpp"
#include "os/open_descriptors.hpp"

namespace bide::detail {

// Freed when its operation has come back, so a watch that was removed or replaced may outlive its place in the list.
struct fd_watch : timer_node {
    fd_watch(loop_core& in, int descriptor, bool for_writing, move_only_function<void()> callback);

    loop_core& loop;
    int fd;
    bool writing;
    bool removed = false;
    op_request operation;
    move_only_function<void()> fn;
    context_data* context;
};

namespace {

void submit(fd_watch& watch) noexcept {
    watch.request = &watch.operation;
    watch.operation.state = op_state::idle;
    watch.loop.submit(watch);
}

void destroy(fd_watch& watch) noexcept {
    release(watch.context);
    delete &watch;
}

void unlist(fd_watch& watch) noexcept {
    auto& list = watch.loop.watches;
    list.erase(std::remove(list.begin(), list.end(), &watch), list.end());
    watch.removed = true;
}

void call(fd_watch& watch) {
    // The loop's own meanwhile, as the callback may set variables; the next call sees them.
    watch.loop.context = std::exchange(watch.context, nullptr);
    const scope_guard leave([&]() noexcept { watch.context = std::exchange(watch.loop.context, nullptr); });
    try {
        watch.fn();
    } catch (const keyboard_interrupt&) { throw; } catch (const system_exit&) {
        throw;
    } catch (...) {
        report(watch.loop, {"Exception in a reader or writer callback", std::current_exception(), {}, {}});
    }
}

// The operation has ended without a readiness: the descriptor was forgotten, or it is none any more.
void give_up(fd_watch& watch) {
    loop_core& loop = watch.loop;
    const int error = -watch.operation.result;
    const std::string what =
        std::string(watch.operation.kind->name) + " on descriptor " + std::to_string(watch.fd);
    unlist(watch);
    destroy(watch);
    if (error == ECANCELED) return;  // by event_loop::forget(), which is as good as a removal
    report(loop, {"A watched descriptor failed and is no longer watched",
                  std::make_exception_ptr(std::system_error(error, std::generic_category(), what)),
                  {},
                  {}});
}

void run_watch(ready_node& node) {
    auto& watch = static_cast<fd_watch&>(node);
    if (watch.removed) return destroy(watch);
    if (watch.operation.result < 0) return give_up(watch);
    // The callback may remove or replace the watch, or end the loop; the watch lasts until it returns.
    const scope_guard again([&]() noexcept { watch.removed ? destroy(watch) : submit(watch); });
    call(watch);
}

void discard_watch(ready_node& node) noexcept { destroy(static_cast<fd_watch&>(node)); }

constexpr ready_ops watch_ops{run_watch, discard_watch};

fd_watch* find(loop_core& loop, int fd, bool writing) noexcept {
    for (fd_watch* const each : loop.watches) {
        if (each->fd == fd && each->writing == writing) return each;
    }
    return nullptr;
}

}  // namespace

fd_watch::fd_watch(loop_core& in, int descriptor, bool for_writing, move_only_function<void()> callback)
    : timer_node{},
      loop(in),
      fd(descriptor),
      writing(for_writing),
      operation{.kind = for_writing ? &poll_write_op : &poll_read_op, .args = {.fd = descriptor}},
      fn(std::move(callback)),
      context(retain(in.context)) {
    ops = &watch_ops;
}

void add_watch(loop_core& loop, int fd, bool writing, move_only_function<void()> fn) {
    const char* const call = writing ? "add_writer" : "add_reader";
    if (fd < 0)
        throw std::invalid_argument(std::string(call) + ": " + std::to_string(fd) + " is no descriptor");
    if (!is_open(fd)) {
        throw std::system_error(EBADF, std::generic_category(),
                                call + (" on descriptor " + std::to_string(fd)));
    }
    auto watch = std::make_unique<fd_watch>(loop, fd, writing, std::move(fn));
    loop.watches.reserve(loop.watches.size() + 1);
    remove_watch(loop, fd, writing);
    loop.watches.push_back(watch.get());
    submit(*watch.release());
}

bool remove_watch(loop_core& loop, int fd, bool writing) noexcept {
    fd_watch* const watch = find(loop, fd, writing);
    if (watch == nullptr) return false;
    unlist(*watch);
    if (watch->operation.state == op_state::in_flight) loop.os->cancel(*watch);
    return true;
}

void close_watches(loop_core& loop) noexcept {
    while (!loop.watches.empty()) remove_watch(loop, loop.watches.back()->fd, loop.watches.back()->writing);
}

}  // namespace bide::detail

// bide/core: where the exception of a task came from.
//
// C++ exceptions carry no place. But a frame knows the line of its latest await, and an exception passes through its frames
// from the innermost to the root, one after the other and with nothing in between. So one note for each thread is
// enough: a frame that is not the one expected next, or has gone on to another line, begins a new one. Frames of the
// library's own coroutines are passed over, because their line tells a user nothing.
//
// The place is the await which threw, or the latest one before the throw, or where the coroutine is defined.
#include "core/failure_place.hpp"

#include <bide/detail/core/promise.hpp>
#include <bide/detail/core/task_base.hpp>
#include <bide/error.hpp>
#include <bide/loop.hpp>
#include <bide/run.hpp>

#include <cxxabi.h>

#include <bit>
#include <coroutine>
#include <cstdlib>
#include <exception>
#include <source_location>
#include <string_view>
#include <typeinfo>
#include <utility>

namespace bide::detail {

namespace {

struct failure {
    const std::type_info* type = nullptr;
    const void* next_frame = nullptr;  // the frame that the exception goes to
    const void* next_place = nullptr;  // and its await
    const void* place = nullptr;       // a source_location; null: only library's own frames so far
};
constinit thread_local failure latest;

// The root of bide's sources, with a slash, as the compiler names it in this very file.
constexpr std::string_view root() {
    constexpr std::string_view here = __FILE__;
    constexpr std::string_view inside = "src/core/failure_place.cpp";
    static_assert(here.ends_with(inside));
    return here.substr(0, here.size() - inside.size());
}

bool is_of_library(const void* place) {
    if (place == nullptr) return true;
    std::string_view file = std::bit_cast<std::source_location>(place).file_name();
    if (file.starts_with("include/bide/") || file.find("/include/bide/") != std::string_view::npos)
        return true;
    if (!file.starts_with(root())) return false;
    file.remove_prefix(root().size());
    return file.starts_with("src/") || file.starts_with("include/");
}

std::string text_of(const void* place) {
    if (place == nullptr) return {};
    const auto where = std::bit_cast<std::source_location>(place);
    return std::string(where.file_name()) + ":" + std::to_string(where.line());
}

}  // namespace

void note_failing_frame(const promise_base& promise) noexcept {
    auto& base = const_cast<promise_base&>(promise);  // the library asks for a handle of what can be resumed
    const void* const frame = std::coroutine_handle<promise_base>::from_promise(base).address();
    const auto place = std::bit_cast<const void*>(promise.where());
    const std::type_info* const type = abi::__cxa_current_exception_type();
    if (type == nullptr || *type == typeid(cancelled_error)) return;  // never reported, and often thrown
    if (latest.next_frame != frame || latest.next_place != place || latest.type != type) latest = {};
    if (latest.place == nullptr && !is_of_library(place)) latest.place = place;
    latest.type = type;
    latest.next_frame = promise.awaiting_frame();
    if (latest.next_frame == nullptr) return;
    const promise_base& next = promise_base::of(promise.awaiting_frame());
    latest.next_place = std::bit_cast<const void*>(next.where());
}

void keep_failure_place(future_core& task) noexcept {
    try {
        if (latest.place != nullptr) task.more().failed_at = latest.place;
    } catch (...) {  // no memory for the place: the report goes without
    }
    latest = {};
}

std::string failure_place(const future_core& what) {
    if (!what.has(flag::is_task) || what.extra == nullptr) return {};
    return text_of(what.extra->failed_at);
}

std::source_location place_of_wait(const task_base& task) noexcept {
    for (void* frame = task.frame; frame != nullptr;) {
        const promise_base& promise = promise_base::of(frame);
        if (!is_of_library(std::bit_cast<const void*>(promise.where()))) return promise.where();
        frame = promise.awaiting_frame();
    }
    return promise_base::of(task.frame).where();
}

// --- an exception that run() throws and nobody catches ---
//
// Nothing is unwound then: std::terminate is called with the frames of run() still there, and with them this report.

namespace {

constinit thread_local const future_core* leaving = nullptr;
std::terminate_handler before = nullptr;

[[noreturn]] void report_and_terminate() {
    const std::exception_ptr error = std::current_exception();
    if (leaving != nullptr && error != nullptr && leaving->has(flag::failed)) {
        const future_core& task = *std::exchange(leaving, nullptr);
        try {
            event_loop::default_exception_handler({"Nobody has caught an exception that left run()", error,
                                                   task_name(static_cast<const task_base&>(task)),
                                                   failure_place(task)});
        } catch (...) {  // no memory for the text
        }
    }
    if (before != nullptr) before();
    std::abort();
}

}  // namespace

uncaught_report::uncaught_report(const future_core& task) noexcept {
    if (!task.has(flag::failed)) return;
    [[maybe_unused]] static const bool installed = [] {
        before = std::set_terminate(report_and_terminate);
        return true;
    }();
    leaving = &task;
}

uncaught_report::~uncaught_report() { leaving = nullptr; }

}  // namespace bide::detail

// bide/core: coroutines that end without having begun.
//
// The report names the line where the coroutine was made, which nothing in C++ tells: a default argument of type
// std::source_location in the promise names the coroutine's own definition. So checked builds note two addresses for
// each coroutine: that of the code which makes it, and the one to which that code's function returns. Whether the
// compiler has inlined the one function into the other is seen in the debug information when there is something to
// report. The notes are kept in a small table, because a frame has no room: a new one may replace an old one, and then
// the report names the definition.
#include <bide/coro.hpp>

#include <array>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <string>

#include "base/code_places.hpp"
#include "core/function_name.hpp"
#include "loop/loop_core.hpp"

namespace bide::detail {

namespace {

// How many coroutines are being destroyed on this thread before they began: what they hold goes with them.
constinit thread_local int destroying = 0;

struct origin {
    const promise_base* promise = nullptr;
    const void* code = nullptr;
    const void* returns_to = nullptr;
};

constexpr std::size_t remembered = 256;
constinit thread_local std::array<origin, remembered> origins{};

origin& slot_of(const promise_base& promise) noexcept {
    return origins[(reinterpret_cast<std::uintptr_t>(&promise) / 16) % remembered];
}

bool is_of_a_library(const code_place& place) {
    return place.file.find("/include/c++/") != std::string::npos;
}

std::string text_of(const std::vector<code_place>& places, std::size_t from) {
    for (std::size_t i = from; i < places.size(); ++i) {
        if (is_of_a_library(places[i])) continue;
        const auto file = std::filesystem::path(places[i].file).lexically_normal();  // no build/../main.cpp
        return file.string() + ":" + std::to_string(places[i].line);
    }
    return {};
}

// Empty when it is not known.
std::string where_made(const promise_base& promise) {
    const origin& noted = slot_of(promise);
    if (noted.promise != &promise) return {};
    // The innermost place is always in get_return_object, which is inlined into the coroutine's first part; what comes
    // after that has the coroutine inlined.
    const std::vector<code_place> code = code_places(noted.code);
    if (code.size() < 2 || code.front().function.find("get_return_object") == std::string::npos) return {};
    std::string text = text_of(code, 2);
    return text.empty() ? text_of(code_places(noted.returns_to), 0) : text;
}

void report(const promise_base& promise) noexcept {
    try {
        const std::source_location defined = promise.where();
        const std::string definition =
            std::string(defined.file_name()) + ":" + std::to_string(defined.line());
        const std::string made = where_made(promise);
        std::string text = "A coroutine was never awaited: " + short_function_name(defined.function_name());
        if (!made.empty()) text += ", defined at " + definition;
        report_late(this_loop,
                    {text,
                     nullptr,
                     {},
                     made.empty() ? definition : made,
                     "co_await it, or give it to create_task() or run(): a call alone runs nothing"});
    } catch (...) {  // no memory for the text
    }
}

}  // namespace

void note_made(const promise_base& promise, const void* returns_to) noexcept {
    slot_of(promise) = {&promise, __builtin_return_address(0), returns_to};
}

void drop_unawaited(std::coroutine_handle<promise_base> frame) noexcept {
    if (destroying == 0 && std::uncaught_exceptions() == 0) report(frame.promise());
    destroy_unawaited(frame);
}

void destroy_unawaited(std::coroutine_handle<> frame) noexcept {
    ++destroying;
    frame.destroy();
    --destroying;
}

}  // namespace bide::detail

// bide/testing: run a test body again and again, interfering at each point in turn.
#pragma once

#include <bide/testing/run_test.hpp>

#include <cerrno>
#include <cstdint>
#include <utility>

namespace bide::testing {

namespace detail {

using after_run = move_only_function<void(std::uint64_t)>;

std::uint64_t cancel_everywhere(move_only_function<coro<void>()>& make, after_run after,
                                const test_options& options);
std::uint64_t fail_everywhere(move_only_function<coro<void>()>& make, int error, after_run after,
                              const test_options& options);

}  // namespace detail

/// Runs the body once for each turn of the loop that it lives through, cancelling its task in that turn: before its
/// first step, at its first suspension, at its second, and so on until it ends untouched. After each run the checks of
/// run_test() apply, and then `after(n)`, which looks at what the body left behind; n is the turn.
/// The body may end in any way but with an exception other than cancelled_error. Returns: the number of runs.
/// Throws: test_failure, and what `after` throws, with the turn in the text.
template <class F, class After>
std::uint64_t cancel_everywhere(F make, After after, test_options options = {}) {
    move_only_function<coro<void>()> body(std::move(make));
    return detail::cancel_everywhere(body, std::move(after), options);
}
template <class F>
std::uint64_t cancel_everywhere(F make) {
    return cancel_everywhere(std::move(make), [](std::uint64_t) {});
}

/// Runs the body once for each operation of the operating system that it starts, letting that one fail with `error`.
/// The body may end in any way but by hanging; what it throws is its answer to the failure. The rest is as above.
template <class F, class After>
std::uint64_t fail_everywhere(F make, int error, After after, test_options options = {}) {
    move_only_function<coro<void>()> body(std::move(make));
    return detail::fail_everywhere(body, error, std::move(after), options);
}
template <class F>
std::uint64_t fail_everywhere(F make, int error = EIO) {
    return fail_everywhere(std::move(make), error, [](std::uint64_t) {});
}

}  // namespace bide::testing

// bide/testing: run a test body again and again, interfering at each point in turn.
#include <bide/testing/sweep.hpp>

#include <bide/error.hpp>

namespace bide::testing::detail {

namespace {

// A body that never ends by itself would be run for ever.
constexpr std::uint64_t most_runs = 100'000;

[[noreturn]] void fail_at(const char* what, std::uint64_t number, const std::exception_ptr& error) {
    throw test_failure(std::string(what) + " " + std::to_string(number) + ": " + describe_exception(error));
}

}  // namespace

std::uint64_t cancel_everywhere(body& make, after_run after, const test_options& options) {
    for (std::uint64_t turn = 0; turn < most_runs; ++turn) {
        intervention what;
        what.cancel_at_turn = turn;
        try {
            run_with([&make] { return make(); }, options, what);
            after(turn);
        } catch (...) { fail_at("cancelled in turn", turn, std::current_exception()); }
        if (!what.happened) return turn + 1;
    }
    throw test_failure("cancel_everywhere: the body still runs after 100000 turns");
}

std::uint64_t fail_everywhere(body& make, int error, after_run after, const test_options& options) {
    for (std::uint64_t number = 0; number < most_runs; ++number) {
        intervention what;
        what.fail_operation = number;
        what.error = error;
        try {
            try {
                run_with([&make] { return make(); }, options, what);
            } catch (const test_failure&) { throw; } catch (const deadlock_error&) {
                throw;
            } catch (...) {
                if (!what.happened) throw;  // the body's answer to the failure, otherwise
            }
            after(number);
        } catch (...) { fail_at("failed operation", number, std::current_exception()); }
        if (!what.happened) return number + 1;
    }
    throw test_failure("fail_everywhere: the body still starts operations after 100000 of them");
}

}  // namespace bide::testing::detail

// bide/tests: expectations that the tests of the sync layer share.
#pragma once

#include "support/async_test.hpp"

#include <string>
#include <vector>

namespace sync_test {

using numbers = std::vector<int>;

// Runs the coroutine of `make` on a loop of its own until it calls stop() on that, and closes the loop. Tasks that were
// made ready after the stop never run.
template <class F>
void run_until_stop(F make) {
    bide::event_loop loop;
    loop.set_exception_handler([](bide::event_loop&, const bide::exception_context&) {});
    static_cast<void>(bide::create_task(loop, make()));
    loop.run_forever();
}

}  // namespace sync_test

// The awaitable ends with an exception of this type; for use in a coroutine.
#define EXPECT_AWAIT_THROWS(awaitable, type) \
    do { \
        bool bide_test_threw = false; \
        try { \
            static_cast<void>(co_await (awaitable)); \
        } catch (const type&) { bide_test_threw = true; } \
        EXPECT_TRUE(bide_test_threw) << #awaitable; \
    } while (false)

#define EXPECT_CANCELLED(awaitable) EXPECT_AWAIT_THROWS(awaitable, bide::cancelled_error)

// The statement throws this type with `part` in its text.
#define EXPECT_THROWS_WITH(statement, type, part) \
    do { \
        std::string bide_test_text = "nothing was thrown"; \
        try { \
            statement; \
        } catch (const type& e) { bide_test_text = e.what(); } \
        EXPECT_NE(bide_test_text.find(part), std::string::npos) << bide_test_text; \
    } while (false)

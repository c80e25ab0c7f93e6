// bide/net: a reader outlives the loop that was closed under its read.
#include <bide/connection.hpp>

#include <bide/loop.hpp>
#include <bide/socket.hpp>

#include <memory>
#include <optional>
#include <stdexcept>

#include "support/async_test.hpp"

namespace {

enum class read_kind { any_amount, line };

// One read that waits for ever, and the loop that is closed under it.
bide::stream_reader left_by_its_loop(read_kind kind) {
    std::optional<bide::stream_reader> kept;
    bide::event_loop loop;
    loop.set_exception_handler([](bide::event_loop&, const bide::exception_context&) {});
    bide::create_task(loop, [](std::optional<bide::stream_reader>& out, read_kind reads) -> bide::coro<void> {
        auto [ours, theirs] = bide::socketpair();
        const bide::connection mine = co_await bide::open_connection(std::move(ours));
        out = mine.reader;
        auto stop = [] { bide::get_running_loop().stop(); };
        bide::get_running_loop().call_later(std::chrono::milliseconds(1), stop);
        if (reads == read_kind::any_amount) {
            co_await mine.reader.read(100);
        } else {
            co_await mine.reader.readline();
        }
        ADD_FAILURE() << "nobody has written";
    }(kept, kind));
    loop.run_forever();
    loop.close();
    return *kept;
}

class read_after_loop : public testing::TestWithParam<read_kind> {};

TEST_P(read_after_loop, the_next_read_is_told_of_the_end) {
    const bide::stream_reader reader = left_by_its_loop(GetParam());
    const auto read = [](bide::stream_reader from) -> bide::coro<std::string> {
        std::string text = co_await from.read(100);
        co_return text;
    };
    EXPECT_EQ(bide::run(read(reader)), "");
}

TEST_P(read_after_loop, an_exception_that_is_set_is_what_the_next_read_throws) {
    const bide::stream_reader reader = left_by_its_loop(GetParam());
    reader.set_exception(std::make_exception_ptr(std::runtime_error("given up")));
    const auto read = [](bide::stream_reader from) -> bide::coro<void> { co_await from.read(100); };
    EXPECT_THROW(bide::run(read(reader)), std::runtime_error);
}

INSTANTIATE_TEST_SUITE_P(every, read_after_loop, testing::Values(read_kind::any_amount, read_kind::line),
                         [](const testing::TestParamInfo<read_kind>& each) {
                             return each.param == read_kind::line ? "line" : "any_amount";
                         });

}  // namespace

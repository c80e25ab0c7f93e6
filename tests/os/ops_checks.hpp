// bide/os: what must hold for every operation, whatever it does; ops_test.cpp has the table of them.
#pragma once

#include "os/backend_support.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

#include <bide/detail/core/io_awaiter.hpp>

#include "loop/loop_core.hpp"

#include "support/async_test.hpp"

namespace os_tests {

// The descriptors and memory of one operation; `own` is the descriptor it works on.
struct scene {
    unique_fd own;
    unique_fd peer;
    op_args args;
    std::array<char, 64> buffer{};
    std::string text = "payload";
    std::string drained;
    std::vector<unique_fd> more;
    sockaddr_storage name{};
    socklen_t name_size = sizeof(sockaddr_storage);
    iovec piece{};
    msghdr message{};
};

// In a loop: whoever closes a descriptor that was given to bide tells the loop first.
struct scene_in_loop : scene {
    ~scene_in_loop() { bide::get_running_loop().forget(own.get()); }
};

struct op_error {
    const char* name;
    int expected;
    void (*arrange)(scene&);  // makes the arguments of an operation that fails
};

// A constructor, not an aggregate: GCC 12 garbles an array of these aggregates whose members need running code.
struct op_row {
    using act = void (*)(scene&);
    using check = void (*)(scene&, int result);

    op_row(const char* row_name, const op_kind& of, act to_block, act to_unblock, check if_succeeded,
           act if_untouched, std::vector<op_error> of_errors = {})
        : name(row_name),
          kind(of),
          block(to_block),
          unblock(to_unblock),
          succeeded(if_succeeded),
          untouched(if_untouched),
          errors(std::move(of_errors)) {}

    const char* name;
    const op_kind& kind;
    act block;        // makes the arguments of an operation that has to wait
    act unblock;      // ends its wait
    check succeeded;  // checks what it did, after unblock()
    act untouched;    // checks that it did nothing, after unblock()
    std::vector<op_error> errors;
};
inline void PrintTo(const op_row& row, std::ostream* out) { *out << row.name; }

// --- directly on a backend ---

class every_op : public testing::TestWithParam<std::tuple<op_row, variant>> {
protected:
    const op_row& row = std::get<0>(GetParam());
    rig on{std::get<1>(GetParam())};
    scene s;

    op_node make() const { return {row.kind, s.args}; }
    // It was cancelled: it did what it does, or nothing at all.
    void expect_all_or_nothing(const op_node& node) {
        if (node.result() == -ECANCELED) return row.untouched(s);
        row.succeeded(s, node.result());
    }
};

TEST_P(every_op, succeeds_at_once) {
    row.block(s);
    row.unblock(s);
    op_node node = make();
    on.os->submit(node);
    EXPECT_EQ(on.os->in_flight(), 1U);
    ASSERT_TRUE(on.wait_for(node));
    EXPECT_EQ(on.os->in_flight(), 0U);
    EXPECT_TRUE(node.done());
    row.succeeded(s, node.result());
}

TEST_P(every_op, waits_and_then_succeeds) {
    row.block(s);
    op_node node = make();
    on.os->submit(node);
    on.settle();
    EXPECT_FALSE(on.has(node));
    EXPECT_EQ(on.os->in_flight(), 1U);
    row.unblock(s);
    ASSERT_TRUE(on.wait_for(node));
    row.succeeded(s, node.result());
}

TEST_P(every_op, reports_its_errors) {
    for (const op_error& error : row.errors) {
        scene failing;
        error.arrange(failing);
        op_node node(row.kind, failing.args);
        EXPECT_EQ(on.run(node), -error.expected) << error.name;
    }
}

TEST_P(every_op, cancelled_at_once_does_nothing) {
    row.block(s);
    op_node node = make();
    on.os->submit(node);
    on.os->cancel(node);
    EXPECT_EQ(on.os->in_flight(), 1U);
    ASSERT_TRUE(on.wait_for(node));
    EXPECT_EQ(node.result(), -ECANCELED);
    row.unblock(s);
    row.untouched(s);
}

TEST_P(every_op, cancelled_in_flight_does_nothing) {
    row.block(s);
    op_node node = make();
    on.os->submit(node);
    on.settle();
    on.os->cancel(node);
    on.os->cancel(node);  // a second request changes nothing
    ASSERT_TRUE(on.wait_for(node));
    EXPECT_EQ(node.result(), -ECANCELED);
    on.settle();
    EXPECT_EQ(on.handed_over.size(), 1U);
    row.unblock(s);
    row.untouched(s);
}

TEST_P(every_op, cancelled_while_it_completes_does_all_or_nothing) {
    row.block(s);
    op_node node = make();
    on.os->submit(node);
    on.settle();
    row.unblock(s);
    on.os->cancel(node);
    ASSERT_TRUE(on.wait_for(node));
    expect_all_or_nothing(node);
}

TEST_P(every_op, cancelled_before_poll_although_ready_does_all_or_nothing) {
    row.block(s);
    row.unblock(s);
    op_node node = make();
    on.os->submit(node);
    on.os->cancel(node);
    ASSERT_TRUE(on.wait_for(node));
    expect_all_or_nothing(node);
}

TEST_P(every_op, cancelled_after_it_completed_keeps_its_result) {
    row.block(s);
    row.unblock(s);
    op_node node = make();
    ASSERT_GE(on.run(node), 0);
    const int result = node.result();
    on.os->cancel(node);
    on.settle();
    EXPECT_EQ(node.result(), result);
    EXPECT_TRUE(node.done());
    EXPECT_EQ(on.handed_over.size(), 1U);
    EXPECT_EQ(on.os->in_flight(), 0U);
    row.succeeded(s, result);
}

TEST_P(every_op, ends_when_its_descriptor_is_forgotten) {
    row.block(s);
    const int number = s.own.get();
    op_node node = make();
    on.os->submit(node);
    on.settle();
    on.os->forget(number);
    s.own.reset();
    ASSERT_TRUE(on.wait_for(node));
    EXPECT_EQ(node.result(), -ECANCELED);

    scene next;  // gets the number again, and has nothing to do with the one before
    row.block(next);
    op_node other(row.kind, next.args);
    on.os->submit(other);
    on.settle();
    EXPECT_FALSE(on.has(other));
    row.unblock(next);
    ASSERT_TRUE(on.wait_for(other));
    row.succeeded(next, other.result());
}

TEST_P(every_op, ends_when_its_descriptor_is_forgotten_at_once) {
    row.block(s);
    op_node node = make();
    on.os->submit(node);
    on.os->forget(s.own.get());
    s.own.reset();
    ASSERT_TRUE(on.wait_for(node));
    EXPECT_EQ(node.result(), -ECANCELED);
}

TEST_P(every_op, can_be_submitted_again) {
    row.block(s);
    op_node node = make();
    on.os->submit(node);
    on.os->cancel(node);
    ASSERT_TRUE(on.wait_for(node));
    on.handed_over.clear();
    on.os->submit(node);
    on.settle();
    EXPECT_FALSE(on.has(node));
    row.unblock(s);
    ASSERT_TRUE(on.wait_for(node));
    row.succeeded(s, node.result());
}

// --- awaited by a task ---

class every_awaited_op : public testing::TestWithParam<op_row> {
protected:
    const op_row& row = GetParam();

    static bide::coro<std::size_t> perform(const op_row& row, scene& s) {
        const std::size_t value = co_await io_awaiter(row.kind, s.args);
        co_return value;
    }
    // Named functions: GCC gives a lambda within a lambda coroutine no linkage.
    static bide::coro<void> perform_cancelled(const op_row& row, scene& s) {
        bide::any_task self = bide::current_task();
        self.cancel();
        static_cast<void>(co_await io_awaiter(row.kind, s.args));
        ADD_FAILURE() << "the operation ran";
    }
    static bide::coro<void> perform_and_go_on(const op_row& row, scene& s, int& result, bool& went_on) {
        const std::size_t value = co_await io_awaiter(row.kind, s.args);
        result = static_cast<int>(value);
        co_await bide::sleep(std::chrono::hours(1));
        went_on = true;
    }
};

TEST_P(every_awaited_op, returns_its_result) {
    bide::testing::run_test([this]() -> bide::coro<void> {
        scene_in_loop s;
        row.block(s);
        auto waiting = bide::create_task(perform(row, s));
        co_await bide::sleep(std::chrono::seconds(1));
        EXPECT_FALSE(waiting.done());
        row.unblock(s);
        const std::size_t value = co_await waiting;
        row.succeeded(s, static_cast<int>(value));
    });
}

TEST_P(every_awaited_op, throws_its_errors_with_operation_and_descriptor) {
    bide::testing::run_test([this]() -> bide::coro<void> {
        const std::vector<op_error>& errors = row.errors;
        for (const op_error& error : errors) {
            scene_in_loop s;
            error.arrange(s);
            std::string text;
            try {
                static_cast<void>(co_await io_awaiter(row.kind, s.args));
            } catch (const std::system_error& e) {
                EXPECT_EQ(e.code(), std::error_code(error.expected, std::generic_category())) << error.name;
                text = e.what();
            }
            EXPECT_NE(text.find(row.kind.name), std::string::npos) << error.name << ": " << text;
            EXPECT_NE(text.find(std::to_string(s.args.fd)), std::string::npos) << error.name << ": " << text;
            const auto value = co_await bide::as_result(io_awaiter(row.kind, s.args));
            EXPECT_EQ(value.error().value(), error.expected) << error.name;
        }
    });
}

TEST_P(every_awaited_op, does_not_begin_in_a_task_that_is_cancelled) {
    bide::testing::run_test([this]() -> bide::coro<void> {
        scene_in_loop s;
        row.block(s);
        row.unblock(s);
        auto doomed = bide::create_task(perform_cancelled(row, s));
        co_await bide::sleep(std::chrono::seconds(1));
        EXPECT_TRUE(doomed.cancelled());
        row.untouched(s);
    });
}

TEST_P(every_awaited_op, cancelled_in_flight_does_nothing) {
    bide::testing::run_test([this]() -> bide::coro<void> {
        scene_in_loop s;
        row.block(s);
        auto doomed = bide::create_task(perform(row, s));
        co_await bide::sleep(std::chrono::seconds(1));
        doomed.cancel();
        co_await bide::sleep(std::chrono::seconds(1));
        EXPECT_TRUE(doomed.cancelled());
        row.unblock(s);
        row.untouched(s);
    });
}

// Cancelled 0, 1, 2 ... turns after its wait ended: it returns what it did and the next await throws, or it did nothing.
TEST_P(every_awaited_op, loses_nothing_to_a_cancellation_at_any_moment) {
    bide::testing::run_test([this]() -> bide::coro<void> {
        bool kept_a_result = false;
        for (int turns = 0; turns < 6; ++turns) {
            scene_in_loop s;
            row.block(s);
            int result = -1;
            bool went_on = false;
            auto doomed = bide::create_task(perform_and_go_on(row, s, result, went_on));
            co_await bide::sleep(std::chrono::seconds(1));
            row.unblock(s);
            for (int i = 0; i < turns; ++i) co_await bide::sleep(std::chrono::seconds(0));
            doomed.cancel();
            co_await bide::sleep(std::chrono::seconds(1));
            EXPECT_TRUE(doomed.cancelled());
            EXPECT_FALSE(went_on);
            if (result < 0) {
                row.untouched(s);
            } else {
                kept_a_result = true;
                row.succeeded(s, result);
            }
        }
        EXPECT_TRUE(kept_a_result);
        co_return;
    });
}

TEST_P(every_awaited_op, fails_when_its_descriptor_is_forgotten) {
    bide::testing::run_test([this]() -> bide::coro<void> {
        scene_in_loop s;
        row.block(s);
        auto waiting = bide::create_task(perform(row, s));
        co_await bide::sleep(std::chrono::seconds(1));
        bide::get_running_loop().forget(s.own.get());
        s.own.reset();
        const auto value = co_await bide::as_result(waiting);
        EXPECT_EQ(value.error(), std::errc::operation_canceled);
        EXPECT_FALSE(waiting.cancelled());  // nobody cancelled the task
    });
}

TEST_P(every_awaited_op, ends_before_its_frame_when_the_loop_closes) {
    scene s;
    row.block(s);
    bide::event_loop loop;
    int reports = 0;
    loop.set_exception_handler([&](bide::event_loop&, const bide::exception_context&) { ++reports; });
    auto left = bide::create_task(loop, perform(row, s));
    loop.call_later(std::chrono::milliseconds(2), [&] { loop.stop(); });
    loop.run_forever();
    loop.close();
    EXPECT_EQ(reports, 1);  // destroyed but pending
    EXPECT_EQ(loop.core().os->in_flight(), 0U);
    row.unblock(s);
    row.untouched(s);
}

}  // namespace os_tests

// bide/loop: what becomes of errors that nobody can see, and of callbacks that take too long.
// bide-test: no-shuffle
#include "loop/loop_support.hpp"

namespace loop_tests {

namespace {

using bide::event_loop;
using bide::exception_context;

TEST(exception_handler, gets_message_and_exception_and_the_loop) {
    virtual_loop loop;
    EXPECT_FALSE(loop.has_exception_handler());
    int calls = 0;
    loop.set_exception_handler([&](event_loop& in, const exception_context& context) {
        ++calls;
        EXPECT_EQ(&in, &loop);
        EXPECT_EQ(context.message, "Exception in a callback");
        EXPECT_EQ(bide::describe_exception(context.exception), "unlucky");
    });
    EXPECT_TRUE(loop.has_exception_handler());
    loop.call_soon([] { throw std::runtime_error("unlucky"); });
    loop.run_for(1s);
    EXPECT_EQ(calls, 1);
}

TEST(exception_handler, the_default_writes_one_report_to_stderr) {
    virtual_loop loop;
    testing::internal::CaptureStderr();
    loop.call_exception_handler({"Something went wrong",
                                 std::make_exception_ptr(std::runtime_error("unlucky")), "task 'worker'",
                                 "main.cpp:17"});
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              "bide: Something went wrong\n  task: task 'worker'\n  at: main.cpp:17\n  exception: unlucky\n");
    testing::internal::CaptureStderr();
    event_loop::default_exception_handler({"Only a message", nullptr, {}, {}});
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "bide: Only a message\n");
}

TEST(exception_handler, an_empty_one_restores_the_default) {
    virtual_loop loop;
    loop.set_exception_handler([](event_loop&, const exception_context&) { ADD_FAILURE(); });
    loop.set_exception_handler(nullptr);
    EXPECT_FALSE(loop.has_exception_handler());
    testing::internal::CaptureStderr();
    loop.call_soon([] { throw std::runtime_error("unlucky"); });
    loop.run_for(1s);
    EXPECT_TRUE(has(testing::internal::GetCapturedStderr(), "Exception in a callback", "unlucky"));
}

TEST(exception_handler, one_that_throws_is_reported_by_default_with_what_it_was_given) {
    virtual_loop loop;
    loop.set_exception_handler(
        [](event_loop&, const exception_context&) { throw std::runtime_error("the handler failed"); });
    testing::internal::CaptureStderr();
    bool after = false;
    loop.call_soon([] { throw std::runtime_error("original"); });
    loop.call_soon([&] { after = true; });
    loop.run_for(1s);
    EXPECT_TRUE(has(testing::internal::GetCapturedStderr(), "Unhandled error in the exception handler",
                    "the handler failed", "Exception in a callback", "original"));
    EXPECT_TRUE(after);
}

TEST(exception_handler, lets_keyboard_interrupt_and_system_exit_through) {
    virtual_loop loop;
    loop.set_exception_handler([](event_loop&, const exception_context&) { throw bide::system_exit(4); });
    loop.call_soon([] { throw std::runtime_error("original"); });
    EXPECT_THROW(loop.run_forever(), bide::system_exit);
    loop.set_exception_handler(
        [](event_loop&, const exception_context&) { throw bide::keyboard_interrupt(); });
    EXPECT_THROW(loop.call_exception_handler({"x", nullptr, {}, {}}), bide::keyboard_interrupt);
}

TEST(exception_handler, may_replace_itself) {
    virtual_loop loop;
    log seen;
    loop.set_exception_handler([&, text = std::string("first, still alive")](event_loop& in,
                                                                             const exception_context&) {
        in.set_exception_handler([&](event_loop&, const exception_context&) { seen.push_back("second"); });
        seen.push_back(text);
    });
    for (int i = 0; i < 2; ++i) loop.call_soon([] { throw 1; });
    loop.run_for(1s);
    EXPECT_EQ(seen, (log{"first, still alive", "second"}));
}

TEST(exception_handler, may_report_itself) {
    virtual_loop loop;
    int depth = 0;
    loop.set_exception_handler([&](event_loop& in, const exception_context& context) {
        if (++depth < 3) in.call_exception_handler(context);
    });
    loop.call_exception_handler({"x", nullptr, {}, {}});
    EXPECT_EQ(depth, 3);
}

// --- slow callbacks ---

TEST(debug_mode, reports_what_blocks_the_loop) {
    scripted_loop on(like_asyncio().debug(true));
    report_log reports(on.loop);
    EXPECT_EQ(on.loop.slow_callback_duration(), 100ms);
    on.loop.call_soon([&] { on.pass(99ms); });
    on.loop.call_soon([&] { on.pass(250ms); });
    on.loop.call_soon([&] { on.pass(100ms); });
    on.loop.call_soon([&] { on.loop.stop(); });
    on.loop.run_forever();
    ASSERT_EQ(reports.size(), 2U) << reports.text();
    EXPECT_EQ(reports[0].message, "Executing a callback took 0.250 seconds: the loop was blocked");
    EXPECT_EQ(reports[1].message, "Executing a callback took 0.100 seconds: the loop was blocked");
}

TEST(debug_mode, the_limit_can_be_set) {
    scripted_loop on(like_asyncio().debug(true));
    report_log reports(on.loop);
    on.loop.set_slow_callback_duration(2s);
    EXPECT_EQ(on.loop.slow_callback_duration(), 2s);
    on.loop.call_soon([&] { on.pass(1999ms); });
    on.loop.call_soon([&] { on.pass(2s); });
    on.loop.call_soon([&] { on.loop.stop(); });
    on.loop.run_forever();
    EXPECT_EQ(reports.size(), 1U);
}

TEST(debug_mode, off_it_measures_nothing) {
    scripted_loop on(like_asyncio().debug(false));
    report_log reports(on.loop);
    on.loop.call_soon([&] { on.pass(10s); });
    on.loop.call_soon([&] { on.loop.stop(); });
    on.loop.run_forever();
    EXPECT_EQ(reports.size(), 0U);
}

TEST(debug_mode, can_be_switched_while_the_loop_runs) {
    scripted_loop on(like_asyncio().debug(false));
    report_log reports(on.loop);
    on.loop.call_soon([&] {
        on.loop.set_debug(true);
        on.loop.call_soon([&] { on.pass(1s); });
        on.loop.call_soon([&] { on.loop.stop(); });
    });
    on.loop.run_forever();
    EXPECT_TRUE(on.loop.get_debug());
    EXPECT_EQ(reports.size(), 1U);
}

TEST(debug_mode, a_slow_callback_that_throws_is_reported_twice) {
    scripted_loop on(like_asyncio().debug(true));
    report_log reports(on.loop);
    on.loop.call_soon([&] {
        on.pass(1s);
        throw std::runtime_error("and it failed");
    });
    on.loop.call_soon([&] { on.loop.stop(); });
    on.loop.run_forever();
    EXPECT_TRUE(has(reports.text(), "Exception in a callback", "and it failed", "took 1.000 seconds"));
}

TEST(debug_mode, a_slow_callback_may_end_the_loop) {
    scripted_loop on(like_asyncio().debug(true));
    report_log reports(on.loop);
    on.loop.call_soon([&] {
        on.pass(1s);
        throw bide::keyboard_interrupt();
    });
    EXPECT_THROW(on.loop.run_forever(), bide::keyboard_interrupt);
    EXPECT_EQ(reports.size(), 1U);
}

}  // namespace

}  // namespace loop_tests

// bide/net: transports over streams that are received from by a task of the library's own.
#include <bide/testing/memory_stream.hpp>

#include "net/transport_support.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"

namespace {

using namespace std::chrono_literals;
using bide::testing::memory_options;
using bide_test::has;
using bide_test::recorder;
using events = recorder::events;

/// Two protocols that talk to each other.
class couple {
public:
    bide::coro<void> meet(memory_options for_a, memory_options for_b) {
        auto [first, second, link] = bide::testing::memory_streams(for_a, for_b);
        auto connecting = bide::detail::connect_protocol(first.writer.release(), a);
        co_await std::move(connecting);
        auto connecting_too = bide::detail::connect_protocol(second.writer.release(), b);
        co_await std::move(connecting_too);
    }
    bide::coro<void> meet() { return meet(memory_options(), memory_options()); }
    bide::coro<void> part() {
        a->over.close();
        b->over.close();
        co_await a->gone.wait();
        co_await b->gone.wait();
    }

    std::shared_ptr<recorder> a = std::make_shared<recorder>();
    std::shared_ptr<recorder> b = std::make_shared<recorder>();
};

BIDE_TEST(transport_memory, tells_both_ends_in_order) {
    couple they;
    co_await they.meet();
    they.a->over.write("one");
    co_await they.b->arrived.wait();
    they.b->over.write("two");
    co_await they.a->arrived.wait();
    they.a->over.write_eof();
    co_await they.a->gone.wait();
    co_await they.b->gone.wait();
    const events of_a{"made", "data two", "eof", "lost"};
    const events of_b{"made", "data one", "eof", "lost"};
    EXPECT_EQ(they.a->calls, of_a);
    EXPECT_EQ(they.b->calls, of_b);
}

BIDE_TEST(transport_memory, gives_each_piece_as_it_comes) {
    couple they;
    co_await they.meet(memory_options(), memory_options().pieces(2).delay(1s));
    they.a->over.write("hello");
    they.a->over.close();
    co_await they.b->gone.wait();
    const events of_b{"made", "data he", "data ll", "data o", "eof", "lost"};
    EXPECT_EQ(they.b->calls, of_b);
}

BIDE_TEST(section17, s72_the_marks_are_exact_over_every_kind_of_stream) {
    couple they;
    co_await they.meet();
    they.a->over.set_write_buffer_limits(100, 50);
    they.a->over.write(std::string(100, 'x'));
    EXPECT_EQ(they.a->calls, events{"made"});
    they.a->over.write("y");
    const events paused{"made", "pause"};
    EXPECT_EQ(they.a->calls, paused);
    they.a->over.write("z");
    EXPECT_EQ(they.a->calls, paused);
    co_await they.a->resumed.wait();
    const events both{"made", "pause", "resume"};
    EXPECT_EQ(they.a->calls, both);
    co_await they.part();
}

/// Notes how much is unsent when it is told to pause.
class measuring : public recorder {
public:
    void pause_writing() override {
        calls.push_back("pause " + std::to_string(over.get_write_buffer_size()));
    }
};

BIDE_TEST(transport_memory, writelines_is_one_write) {
    couple they;
    they.a = std::make_shared<measuring>();
    co_await they.meet();
    they.a->over.set_write_buffer_limits(0);
    const std::vector<std::string> pieces{"one", "two", "three"};
    they.a->over.writelines(pieces);
    const events all{"made", "pause 11"};
    EXPECT_EQ(they.a->calls, all);
    they.a->over.write_eof();
    EXPECT_THROW(they.a->over.writelines({}), bide::invalid_state_error);
    co_await they.a->gone.wait();
    EXPECT_EQ(they.b->received, "onetwothree");
    co_await they.part();
}

BIDE_TEST(section17, s74_connection_lost_is_not_called_inside_close_of_any_kind_of_stream) {
    couple they;
    co_await they.meet();
    they.a->over.abort();
    EXPECT_EQ(they.a->calls, events{"made"});
    they.a->over.abort();
    co_await they.a->gone.wait();
    co_await they.b->gone.wait();
    co_await bide::sleep(1s);
    const events all{"made", "lost"};
    EXPECT_EQ(they.a->calls, all);
}

BIDE_TEST(transport_memory, pausing_keeps_what_the_task_has_received) {
    couple they;
    co_await they.meet();
    they.b->over.pause_reading();
    they.a->over.write("kept");
    co_await bide::sleep(1s);
    EXPECT_EQ(they.b->calls, events{"made"});
    they.b->over.resume_reading();
    EXPECT_EQ(they.b->calls, events{"made"});
    co_await they.b->arrived.wait();
    const events all{"made", "data kept"};
    EXPECT_EQ(they.b->calls, all);
    they.b->over.pause_reading();
    they.b->over.resume_reading();
    they.b->arrived.clear();
    they.a->over.write("more");
    co_await they.b->arrived.wait();
    EXPECT_EQ(they.b->received, "keptmore");
    co_await they.part();
}

BIDE_TEST(transport_memory, a_failure_of_receiving_is_the_reason_of_the_loss) {
    couple they;
    co_await they.meet(memory_options(), memory_options().fail_receiving_at(3, ECONNRESET));
    they.a->over.write("hello");
    co_await they.b->gone.wait();
    const events all{"made", "data hel"};
    EXPECT_EQ(events(they.b->calls.begin(), they.b->calls.end() - 1), all);
    EXPECT_TRUE(has(they.b->calls.back(), "lost: ", "reset"));
    co_await they.part();
}

BIDE_TEST(transport_memory, a_failure_of_sending_is_the_reason_of_the_loss) {
    couple they;
    co_await they.meet(memory_options().fail_sending_at(3, EPIPE), memory_options());
    they.a->over.write("hello");
    co_await they.a->gone.wait();
    EXPECT_TRUE(has(they.a->calls.back(), "lost: "));
    they.a->over.write("dropped");
    co_await they.part();
}

BIDE_TEST(transport_memory, where_nothing_can_be_half_open_a_true_eof_received_has_no_effect) {
    couple they;
    they.b->stays_open = true;
    co_await they.meet(memory_options(), memory_options().half_close(false));
    EXPECT_FALSE(they.b->over.can_write_eof());
    EXPECT_THROW(they.b->over.write_eof(), bide::invalid_state_error);
    they.a->over.write_eof();
    co_await they.b->gone.wait();
    const events all{"made", "eof", "lost"};
    EXPECT_EQ(they.b->calls, all);
    co_await they.part();
}

class asker : public recorder {
public:
    void data_received(std::string_view data) override {
        in_a_task = static_cast<bool>(bide::current_task());
        recorder::data_received(data);
    }
    bool in_a_task = true;
};

BIDE_TEST(transport_memory, its_task_is_hidden) {
    couple they;
    const auto asking = std::make_shared<asker>();
    they.b = asking;
    co_await they.meet();
    EXPECT_EQ(bide::all_tasks().size(), 2U);  // this one, and that of the test
    they.a->over.write("who are you?");
    co_await they.b->arrived.wait();
    EXPECT_FALSE(asking->in_a_task);
    // Open when the loop ends: neither cancelled with noise nor leaked.
}

// It waits for bytes that nobody can send any more: that alone is no deadlock, but it does not hide one either.
TEST(transport_memory, its_task_does_not_hide_a_deadlock) {
    std::string text;
    try {
        bide::testing::run_test([]() -> bide::coro<void> {
            couple they;
            co_await they.meet();
            co_await they.b->arrived.wait();
        });
    } catch (const std::exception& error) { text = error.what(); }
    EXPECT_TRUE(has(text, "deadlock", "2 tasks are suspended"));
}

TEST(transport_memory, cancelled_at_every_point_leaks_nothing) {
    bide::testing::cancel_everywhere(
        []() -> bide::coro<void> {
            couple they;
            co_await they.meet();
            they.a->over.write("hello");
            co_await they.b->arrived.wait();
            co_await they.part();
        },
        [](std::uint64_t) {}, bide::testing::test_options().allow_tasks());
}

}  // namespace

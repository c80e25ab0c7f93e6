// bide/loop: add_reader and add_writer are level-triggered and can be changed from inside their callbacks.
#include "loop/loop_support.hpp"

#include <poll.h>

#include <bide/bide.hpp>

namespace loop_tests {

namespace {

TEST(watch, calls_in_every_turn_while_there_is_something_to_read) {
    virtual_loop loop;
    fd_pair pair = make_sockets();
    write_to(pair.b.get(), "abc");
    std::string read;
    int calls = 0;
    loop.add_reader(pair.a.get(), [&] {
        ++calls;
        if (calls < 3) return;  // leaves it where it is: it must be called again
        char byte = 0;
        EXPECT_EQ(::read(pair.a.get(), &byte, 1), 1);
        read += byte;
        if (read.size() == 3) loop.stop();
    });
    loop.run_forever();
    EXPECT_EQ(read, "abc");
    EXPECT_EQ(calls, 5);
    EXPECT_TRUE(loop.remove_reader(pair.a.get()));
}

TEST(watch, does_not_call_when_nothing_is_there) {
    virtual_loop loop;
    fd_pair pair = make_sockets();
    int calls = 0;
    loop.add_reader(pair.a.get(), [&] {
        ++calls;
        read_from(pair.a.get());
    });
    loop.run_for(1s);
    EXPECT_EQ(calls, 0);
    write_to(pair.b.get(), "x");
    loop.run_for(1s);
    EXPECT_EQ(calls, 1);
    loop.run_for(1s);
    EXPECT_EQ(calls, 1);
    loop.remove_reader(pair.a.get());
}

TEST(watch, calls_the_writer_while_there_is_room) {
    virtual_loop loop;
    fd_pair pair = make_sockets();
    std::size_t written = 0;
    loop.add_writer(pair.a.get(), [&] {
        const std::string block(1024, 'w');
        const auto size = ::write(pair.a.get(), block.data(), block.size());
        if (size > 0) written += static_cast<std::size_t>(size);
    });
    loop.run_for(1s);
    EXPECT_GT(written, 10 * 1024U);
    const std::size_t full = written;
    loop.run_for(1s);
    EXPECT_EQ(written, full);
    for (std::string part = read_from(pair.b.get()); !part.empty(); part = read_from(pair.b.get())) {}
    loop.run_for(1s);
    EXPECT_GT(written, full);
    EXPECT_TRUE(loop.remove_writer(pair.a.get()));
}

TEST(watch, passes_arguments_on_each_call) {
    virtual_loop loop;
    fd_pair pair = make_sockets();
    write_to(pair.b.get(), "x");
    log seen;
    loop.add_reader(
        pair.a.get(),
        [&](const std::string& text, int n) {
            seen.push_back(text + std::to_string(n));
            if (seen.size() == 2) loop.stop();
        },
        std::string("n="), 5);
    loop.run_forever();
    EXPECT_EQ(seen, (log{"n=5", "n=5"}));
    loop.remove_reader(pair.a.get());
}

TEST(watch, reading_and_writing_are_apart) {
    virtual_loop loop;
    fd_pair pair = make_sockets();
    int reads = 0;
    int writes = 0;
    loop.add_reader(pair.a.get(), [&] { ++reads; });
    loop.add_writer(pair.a.get(), [&] {
        ++writes;
        loop.remove_writer(pair.a.get());
    });
    loop.run_for(1s);
    EXPECT_EQ(reads, 0);
    EXPECT_EQ(writes, 1);
    EXPECT_FALSE(loop.remove_writer(pair.a.get()));
    EXPECT_TRUE(loop.remove_reader(pair.a.get()));
    EXPECT_FALSE(loop.remove_reader(pair.a.get()));
}

TEST(watch, a_new_callback_replaces_the_old_one_and_releases_it) {
    virtual_loop loop;
    fd_pair pair = make_sockets();
    write_to(pair.b.get(), "x");
    log seen;
    loop.add_reader(pair.a.get(),
                    [&, kept = std::make_shared<noted>(seen, "old released")] { seen.push_back("old"); });
    loop.add_reader(pair.a.get(), [&] {
        seen.push_back("new");
        loop.remove_reader(pair.a.get());
    });
    loop.run_for(1s);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, (log{"new", "old released"}));
}

TEST(watch, a_callback_may_replace_itself) {
    virtual_loop loop;
    fd_pair pair = make_sockets();
    write_to(pair.b.get(), "x");
    log seen;
    loop.add_reader(pair.a.get(), [&, text = std::string("still alive")] {
        loop.add_reader(pair.a.get(), [&] {
            seen.push_back("second");
            loop.remove_reader(pair.a.get());
        });
        seen.push_back(text);
    });
    loop.run_for(1s);
    EXPECT_EQ(seen, (log{"still alive", "second"}));
}

TEST(watch, a_callback_may_remove_itself) {
    virtual_loop loop;
    fd_pair pair = make_sockets();
    write_to(pair.b.get(), "x");
    log seen;
    loop.add_reader(pair.a.get(), [&, kept = std::make_shared<noted>(seen, "released")] {
        EXPECT_TRUE(loop.remove_reader(pair.a.get()));
        EXPECT_FALSE(loop.remove_reader(pair.a.get()));
        seen.push_back("called");
    });
    loop.run_for(1s);
    EXPECT_EQ(seen, (log{"called", "released"}));
}

TEST(watch, a_callback_may_remove_another_that_is_due_in_the_same_turn) {
    virtual_loop loop;
    fd_pair one = make_sockets();
    fd_pair other = make_sockets();
    write_to(one.b.get(), "x");
    write_to(other.b.get(), "x");
    int calls = 0;
    const auto only_once = [&] {
        ++calls;
        loop.remove_reader(one.a.get());
        loop.remove_reader(other.a.get());
    };
    loop.add_reader(one.a.get(), only_once);
    loop.add_reader(other.a.get(), only_once);
    loop.run_for(1s);
    EXPECT_EQ(calls, 1);
}

TEST(watch, removed_and_added_again_it_works_as_new) {
    virtual_loop loop;
    fd_pair pair = make_sockets();
    int calls = 0;
    for (int i = 0; i < 20; ++i) {
        loop.add_reader(pair.a.get(), [&] {
            ++calls;
            read_from(pair.a.get());
        });
        if (i % 2 == 0) loop.run_for(0s);
        loop.remove_reader(pair.a.get());
    }
    loop.add_reader(pair.a.get(), [&] {
        ++calls;
        read_from(pair.a.get());
    });
    write_to(pair.b.get(), "x");
    loop.run_for(1s);
    EXPECT_EQ(calls, 1);
    loop.remove_reader(pair.a.get());
}

// The number of a descriptor whose reader was removed may be anything afterwards.
TEST(watch, after_its_removal_the_descriptor_may_be_closed_and_its_number_used_again) {
    bide::event_loop loop;
    int calls = 0;
    int number = -1;
    for (int i = 0; i < 3; ++i) {
        fd_pair pair = make_sockets();
        if (number < 0) number = pair.a.get();
        EXPECT_EQ(pair.a.get(), number);
        loop.add_reader(number, [&] {
            ++calls;
            loop.stop();
        });
        loop.call_later(1ms, [&] { write_to(pair.b.get(), "x"); });
        loop.run_forever();
        loop.remove_reader(number);
    }
    EXPECT_EQ(calls, 3);
}

TEST(watch, sees_the_end_of_the_stream) {
    virtual_loop loop;
    fd_pair pair = make_sockets();
    int calls = 0;
    loop.add_reader(pair.a.get(), [&] {
        ++calls;
        EXPECT_EQ(read_from(pair.a.get()), "");
        loop.remove_reader(pair.a.get());
    });
    loop.call_later(1s, [&] { pair.b.reset(); });
    loop.run_for(5s);
    EXPECT_EQ(calls, 1);
}

TEST(watch, a_bad_descriptor_is_an_error_at_once) {
    virtual_loop loop;
    const auto bad = [](auto call) { return thrown<std::invalid_argument>(call); };
    EXPECT_TRUE(has(bad([&] { return loop.add_reader(-1, [] {}), 0; }), "add_reader: -1 is no descriptor"));
    EXPECT_TRUE(has(bad([&] { return loop.add_writer(-7, [] {}), 0; }), "add_writer: -7 is no descriptor"));
    try {
        loop.add_reader(99'999, [] {});
        ADD_FAILURE();
    } catch (const std::system_error& e) {
        EXPECT_EQ(e.code(), std::errc::bad_file_descriptor);
        EXPECT_TRUE(has(e.what(), "add_reader on descriptor 99999"));
    }
    EXPECT_FALSE(loop.remove_reader(99'999));
    EXPECT_FALSE(loop.remove_reader(-1));
}

TEST(watch, a_descriptor_closed_under_it_is_reported_and_watched_no_more) {
    virtual_loop loop;
    report_log reports(loop);
    fd_pair pair = make_sockets();
    const int number = pair.a.get();
    write_to(pair.b.get(), "x");
    loop.add_reader(number, [&] { pair.a.reset(); });
    loop.run_for(1s);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_TRUE(
        has(reports.text(), "no longer watched", "poll for reading on descriptor " + std::to_string(number)));
    EXPECT_FALSE(loop.remove_reader(number));
}

TEST(watch, a_forgotten_descriptor_is_watched_no_more_without_a_report) {
    virtual_loop loop;
    report_log reports(loop);
    fd_pair pair = make_sockets();
    log seen;
    loop.add_reader(pair.a.get(), [kept = std::make_shared<noted>(seen, "released")] {});
    loop.run_for(1s);
    loop.forget(pair.a.get());
    pair.a.reset();
    loop.run_for(1s);
    EXPECT_EQ(seen, log{"released"});
    EXPECT_EQ(reports.size(), 0U) << reports.text();
}

TEST(watch, an_exception_is_reported_and_the_watch_goes_on) {
    virtual_loop loop;
    report_log reports(loop);
    fd_pair pair = make_sockets();
    write_to(pair.b.get(), "x");
    int calls = 0;
    loop.add_reader(pair.a.get(), [&] {
        if (++calls < 3) throw std::runtime_error("in the reader");
        if (calls == 3) throw bide::cancelled_error("in the reader");
        loop.remove_reader(pair.a.get());
    });
    loop.run_for(1s);
    EXPECT_EQ(calls, 4);
    EXPECT_EQ(reports.size(), 3U);
    EXPECT_TRUE(has(reports.text(), "Exception in a reader or writer callback", "in the reader"));
}

TEST(watch, keyboard_interrupt_ends_the_loop_and_the_watch_stays) {
    virtual_loop loop;
    fd_pair pair = make_sockets();
    write_to(pair.b.get(), "x");
    int calls = 0;
    loop.add_reader(pair.a.get(), [&] {
        if (++calls == 1) throw bide::keyboard_interrupt();
        loop.remove_reader(pair.a.get());
    });
    EXPECT_THROW(loop.run_forever(), bide::keyboard_interrupt);
    loop.run_for(1s);
    EXPECT_EQ(calls, 2);
}

bide::context_var<int> depth(0);

bide::coro<void> add_deep_reader(int fd, std::vector<int>& seen) {
    bide::event_loop& loop = bide::get_running_loop();
    depth.set(7);
    loop.add_reader(fd, [&loop, &seen, fd] {
        seen.push_back(depth.get());
        depth.set(depth.get() + 1);  // kept for the next call, as in a context that is entered again
        if (seen.size() == 3) loop.remove_reader(fd);
    });
    co_return;
}

TEST(watch, callbacks_see_the_context_variables_of_the_add) {
    virtual_loop loop;
    fd_pair pair = make_sockets();
    write_to(pair.b.get(), "x");
    std::vector<int> seen;
    auto adding = bide::create_task(loop, add_deep_reader(pair.a.get(), seen));
    loop.run_for(1s);
    EXPECT_EQ(seen, (std::vector<int>{7, 8, 9}));
}

TEST(watch, many_descriptors_at_once) {
    virtual_loop loop;
    std::vector<fd_pair> pairs;
    std::vector<int> calls(300, 0);
    for (std::size_t i = 0; i < calls.size(); ++i) {
        pairs.push_back(make_sockets());
        loop.add_reader(pairs[i].a.get(), [&, i] {
            ++calls[i];
            read_from(pairs[i].a.get());
        });
    }
    for (const fd_pair& each : pairs) write_to(each.b.get(), "x");
    loop.run_for(1s);
    EXPECT_EQ(calls, std::vector<int>(300, 1));
    for (const fd_pair& each : pairs) EXPECT_TRUE(loop.remove_reader(each.a.get()));
}

}  // namespace

}  // namespace loop_tests

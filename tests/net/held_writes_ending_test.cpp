// bide/net: what is told of small writes that may leave by the end of the turn, when they cannot or when nothing ends it.
#include <bide/create_connection.hpp>
#include <bide/stream.hpp>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "net/held_writes.hpp"
#include "net/transport_support.hpp"
#include "support/async_test.hpp"
#include "support/outcome.hpp"
#include "support/tls_ends.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::connected;
using bide_test::drain;
using bide_test::fill;
using bide_test::in_company;
using bide_test::line;
using bide_test::recorder;

bide::coro<std::error_code> closed(bide::stream_writer& writer) {
    const auto end = co_await bide::as_result(writer.wait_closed());
    co_return end ? std::error_code() : end.error();
}

// Although a ring receives a little for the other end before anybody reads.
bide::coro<void> fill_for_good(int fd) {
    while (fill(fd) != 0) co_await bide::sleep(1ms);
}

// Whoever waits for the close learns that the last write was lost.
BIDE_TEST(held_writes, that_are_lost_are_told_to_who_closes) {
    for (const bool aborts : {false, true}) {
        auto connecting = connected();
        line one = co_await std::move(connecting);
        one.far.close();
        co_await in_company([&] {
            one.near.writer.write("the last words");
            aborts ? one.near.writer.abort() : one.near.writer.close();
        });
        const std::error_code why = co_await closed(one.near.writer);
        EXPECT_EQ(why, std::errc::broken_pipe) << aborts;
    }
}

BIDE_TEST(held_writes, that_are_lost_are_told_to_who_closes_a_tls_connection) {
    auto making = bide_test::tls_ends();
    bide_test::connection_ends ends = co_await std::move(making);
    ends.server.writer.abort();
    co_await bide::sleep(1ms);
    co_await in_company([&] {
        ends.client.writer.write("the last words");
        ends.client.writer.close();
    });
    const std::error_code why = co_await closed(ends.client.writer);
    EXPECT_EQ(why, std::errc::broken_pipe);
}

BIDE_TEST(held_writes, that_find_no_room_before_a_tls_peer_goes_are_told_to_who_closes) {
    int fd = -1;
    bide_test::connection_ends plain = bide_test::plain_ends(&fd);
    const auto& certificates = bide_test::certificates::get();
    auto making = bide_test::encrypted(std::move(plain), certificates.client(), certificates.server());
    bide_test::connection_ends ends = co_await std::move(making);
    co_await bide::sleep(1ms);
    co_await fill_for_good(fd);
    co_await in_company([&] {
        ends.client.writer.write("the last words");
        ends.client.writer.close();
    });
    ends.server.writer.abort();
    const std::error_code why = co_await closed(ends.client.writer);
    EXPECT_TRUE(why);
}

BIDE_TEST(held_writes, make_drain_wait_when_a_byte_is_too_much) {
    for (const bool encrypted : {false, true}) {
        int fd = -1;
        bide_test::connection_ends ends = bide_test::plain_ends(&fd);
        if (encrypted) {
            const auto& certificates = bide_test::certificates::get();
            auto making = bide_test::encrypted(std::move(ends), certificates.client(), certificates.server());
            ends = co_await std::move(making);
        }
        co_await bide::sleep(1ms);
        ends.client.writer.set_write_buffer_limits(0);
        co_await fill_for_good(fd);
        bool drained = false;
        auto& loop = bide::get_running_loop();
        auto draining = bide::create_task(
            [](bide::stream_writer& writer, bool& done) -> bide::coro<void> {
                writer.write("x");
                co_await writer.drain();
                done = true;
            },
            std::ref(ends.client.writer), std::ref(drained));
        for (int i = 0; i < 16; ++i) loop.call_soon([] {});
        co_await bide::sleep(1s);
        EXPECT_FALSE(drained) << encrypted;
        draining.cancel();
        const std::string end = co_await bide_test::outcome(draining);
        EXPECT_EQ(end, "cancelled");
        ends.client.writer.abort();
        ends.server.writer.abort();
    }
}

BIDE_TEST(held_writes, pause_writing_before_they_return) {
    auto [ours, theirs] = bide::socketpair();
    const int fd = ours.fileno();
    auto making = bide::create_connection([] { return std::make_shared<recorder>(); }, std::move(ours));
    auto made = co_await std::move(making);
    const std::shared_ptr<recorder> told = made.second;
    co_await bide::sleep(1ms);
    told->over.set_write_buffer_limits(0);
    fill(fd);
    co_await in_company([&] {
        told->over.write("x");
        told->calls.emplace_back("written");
        told->over.close();
        told->calls.emplace_back("closed");
    });
    co_await bide::sleep(1s);
    drain(theirs.fileno());
    co_await bide::sleep(1s);
    EXPECT_EQ(told->calls, (recorder::events{"made", "pause", "written", "closed", "resume", "lost"}));
}

TEST(held_writes, between_two_runs_leave_at_once) {
    bide::event_loop loop;
    auto connecting = connected();
    const line one = loop.run_until_complete(std::move(connecting));
    loop.call_soon([] { throw bide::system_exit(3); });
    for (int i = 0; i < 4; ++i) loop.call_soon([] {});
    EXPECT_THROW(loop.run_forever(), bide::system_exit);
    one.near.writer.write("bye");
    EXPECT_EQ(one.arrived(), "bye");
}

TEST(held_writes, leave_handles_that_outlive_the_loop_alone) {
    std::optional<line> open;
    std::optional<line> closing;
    {
        bide::event_loop loop;
        auto one = connected();
        open.emplace(loop.run_until_complete(std::move(one)));
        auto other = connected();
        closing.emplace(loop.run_until_complete(std::move(other)));
        closing->near.writer.close();
    }
    for (line* each : {&*open, &*closing}) {
        each->near.writer.write("nobody hears this");
        each->near.writer.close();
        each->near.writer.abort();
        EXPECT_EQ(each->near.writer.get_write_buffer_size(), 0U);
        EXPECT_EQ(each->near.writer.get_extra_info("socket"), "");
    }
}

}  // namespace

// bide/tests: process_lock and its like where the system refuses something, or a process vanishes behind its id.
// bide-test: no-shuffle
#include <bide/process_lock.hpp>
#include <bide/process_queue.hpp>
#include <bide/shared_memory.hpp>

#include <fcntl.h>
#include <sys/resource.h>

#include <cstdio>

#include "os/fd.hpp"
#include "os/robust_mutex.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "system/ipc_block.hpp"
#include "system/ipc_support.hpp"

namespace {

using namespace ipc_tests;
using bide::process_lock;
using bide::process_queue;

constexpr std::size_t body_offset = (sizeof(bide::detail::ipc_header) + 63) / 64 * 64;

// What processes share, as no public call shows it.
class shared_state {
public:
    explicit shared_state(int fd) : memory_(bide::shared_memory::adopt(::dup(fd))) {}
    bide::detail::ipc_header& header() {
        return *reinterpret_cast<bide::detail::ipc_header*>(memory_.data().data());
    }
    // Of a queue.
    bide::detail::robust_mutex& mutex() {
        return *reinterpret_cast<bide::detail::robust_mutex*>(memory_.data().data() + body_offset);
    }
    bide::coro<void> until_waiting(int row, int count) {
        shared_state& here = *this;
        while (__builtin_popcountll(here.header().waiting[row].load()) != count) co_await bide::sleep(1ms);
    }

    // Somebody is behind the door of this process.
    bool has_door(int pid) {
        const bide::detail::unique_fd bell(bide::detail::sys::open_bell());
        for (const auto& each : header().members) {
            if (bide::detail::id_of(each.who.load()) == pid)
                return bide::detail::sys::ring(bell.get(), each.door.load()) >= 0;
        }
        return false;
    }

private:
    bide::shared_memory memory_;
};

// `first` waits in this process, `second` in another one, which has a door of its own. Then `change` lets one of them go
// on, and a process seems to be stopped in the middle of an item when the first one tries.
template <class First, class Second, class Change>
void cancelled_while_busy(process_queue<int>& from, int row, First first, Second second, Change change) {
    int code = -1;
    bide::testing::run_test(
        [&]() -> bide::coro<void> {
            shared_state state(from.fileno());
            auto mine = bide::create_task(first);
            co_await state.until_waiting(row, 1);
            child other([&] { return run_here(second); });
            co_await state.until_waiting(row, 2);
            change();
            // The second one may still be on its way into the row.
            EXPECT_NE(state.mutex().enter(20'000), bide::detail::lock_outcome::busy);
            co_await bide::sleep(20ms);  // the first one tries, in vain
            mine.cancel();
            const std::string how = co_await bide_test::outcome(mine);
            EXPECT_EQ(how, "cancelled");
            state.mutex().leave();
            const auto end = [&]() -> bide::coro<void> { co_await until_ended(other); };
            EXPECT_EQ(co_await bide_test::outcome(bide::with_timeout(20s, end)), "value");
            if (!other.has_ended()) other.kill();
            code = other.status();
        },
        real_time());
    EXPECT_EQ(code, 0);
}

TEST(process_queue, getter_cancelled_while_the_queue_is_busy_passes_its_hint_on) {
    const named<process_queue<int>> my("busy-get");
    process_queue<int> from(my.name);
    process_queue<int> one(my.name);
    cancelled_while_busy(
        from, 0, [&]() -> bide::coro<void> { static_cast<void>(co_await one.get()); },
        [&]() -> bide::coro<void> {
            process_queue<int> other(my.name);
            const int item = co_await other.get();
            EXPECT_EQ(item, 7);
        },
        [&] { from.put_nowait(7); });
}

TEST(process_queue, putter_cancelled_while_the_queue_is_busy_passes_its_hint_on) {
    const named<process_queue<int>> my("busy-put");
    process_queue<int> from(my.name, 1);
    process_queue<int> one(my.name, 1);
    from.put_nowait(1);
    cancelled_while_busy(
        from, 1, [&]() -> bide::coro<void> { co_await one.put(2); },
        [&]() -> bide::coro<void> {
            process_queue<int> other(my.name, 1);
            co_await other.put(3);
        },
        [&] { EXPECT_EQ(from.get_nowait(), 1); });
    EXPECT_EQ(from.get_nowait(), 3);
}

bool runs(int pid, const char* program) {
    char text[64] = {};
    const std::string path = "/proc/" + std::to_string(pid) + "/comm";
    std::FILE* const file = std::fopen(path.c_str(), "re");
    if (file == nullptr) return false;
    const bool any = std::fgets(text, sizeof text, file) != nullptr;
    std::fclose(file);
    return any && std::string(text) == std::string(program) + "\n";
}

// It keeps its id and its place in the row, and nobody is behind its door any more.
TEST(process_lock, waiter_that_becomes_another_program_holds_nobody_up) {
    const named<process_lock> my("exec");
    process_lock one(my.name);
    process_lock two(my.name);
    int code = -1;
    bide::testing::run_test(
        [&]() -> bide::coro<void> {
            shared_state state(one.fileno());
            co_await one.acquire();
            child gone([&] {
                return run_here([&]() -> bide::coro<void> {
                    process_lock mutex(my.name);
                    auto waiting = bide::create_task([&]() -> bide::coro<void> { co_await mutex.acquire(); });
                    co_await bide::sleep(0ms);
                    ::execl("/bin/sleep", "sleep", "1000", nullptr);
                });
            });
            while (!runs(gone.pid(), "sleep")) co_await bide::sleep(1ms);
            // What a ring of the kernel had in use goes a little later, and who rings until then rings in vain.
            while (state.has_door(gone.pid())) co_await bide::sleep(1ms);
            auto mine = bide::create_task([&]() -> bide::coro<void> { auto held = co_await two.scoped(); });
            co_await state.until_waiting(0, 2);
            child other([&] {
                return run_here([&]() -> bide::coro<void> {
                    process_lock mutex(my.name);
                    auto held = co_await mutex.scoped();
                });
            });
            co_await state.until_waiting(0, 3);
            one.release();
            const auto end = [&]() -> bide::coro<void> {
                co_await mine;
                co_await until_ended(other);
            };
            EXPECT_EQ(co_await bide_test::outcome(bide::with_timeout(20s, end)), "value");
            if (!other.has_ended()) other.kill();
            code = other.status();
        },
        real_time());
    EXPECT_EQ(code, 0);
}

// What fails for want of a descriptor leaves no name behind.
TEST(process_lock, creation_can_be_tried_again) {
    const named<process_lock> my("again");
    // The undefined-behaviour sanitizer opens a pipe when it meets a type for the first time.
    const std::system_error known(EMFILE, std::generic_category(), "known");
    ASSERT_EQ(known.code(), std::errc::too_many_files_open);
    ::rlimit old{};
    ::getrlimit(RLIMIT_NOFILE, &old);
    bide::detail::unique_fd lowest(::dup(0));
    const int first = lowest.get();
    lowest.reset();
    for (int spare = 0; spare < 4; ++spare) {
        ::rlimit few = old;
        few.rlim_cur = static_cast<::rlim_t>(first + spare);
        ::setrlimit(RLIMIT_NOFILE, &few);
        std::string how = "made";
        try {
            const process_lock made = process_lock::create(my.name);
        } catch (const std::system_error& error) {
            how = error.code() == std::errc::too_many_files_open ? "too many" : error.what();
        }
        ::setrlimit(RLIMIT_NOFILE, &old);
        EXPECT_TRUE(how == "too many" || how == "made") << how;
        if (how == "made") return;
    }
    ADD_FAILURE() << "it takes more than 3 descriptors";
}

TEST(process_lock, adopted_block_that_is_damaged_stays_the_callers) {
    process_lock mutex;
    process_queue<int> queue;
    shared_state of_mutex(mutex.fileno());
    shared_state of_queue(queue.fileno());
    of_mutex.header().numbers[0] = 0;
    of_queue.header().numbers[0] = 0;
    using bide_test::has;
    using bide_test::thrown;
    bide::detail::unique_fd first(::dup(mutex.fileno()));
    bide::detail::unique_fd second(::dup(queue.fileno()));
    EXPECT_TRUE(
        has(thrown<std::invalid_argument>([&] { return process_lock::adopt(first.get()); }), "damaged"));
    EXPECT_TRUE(has(thrown<std::invalid_argument>([&] { return process_queue<int>::adopt(second.get()); }),
                    "damaged"));
    EXPECT_GE(::fcntl(first.get(), F_GETFD), 0);
    EXPECT_GE(::fcntl(second.get(), F_GETFD), 0);
    of_mutex.header().numbers[0] = 1;
    of_queue.header().numbers[0] = bide::default_queue_capacity;
}

}  // namespace

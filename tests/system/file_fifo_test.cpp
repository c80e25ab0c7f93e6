// bide/system: FIFOs whose other end nobody has opened: they keep no worker thread, and nobody who is cancelled.
#include <bide/file.hpp>

#include <bide/as_result.hpp>
#include <bide/task.hpp>
#include <bide/whole_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include "os/fd.hpp"
#include "os/file_calls.hpp"

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "system/scratch.hpp"

namespace {

using namespace std::chrono_literals;
using namespace system_tests;
using bide::detail::unique_fd;

std::string fifo_at(std::string path) {
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    return path;
}

constexpr int more_than_workers = 20;

BIDE_TEST(file_fifo, those_that_nobody_writes_to_keep_no_worker) {
    const scratch in;
    std::vector<bide::file> files;
    for (int i = 0; i < more_than_workers; ++i) {
        bide::file one = co_await bide::open(fifo_at(in / std::to_string(i)));
        files.push_back(std::move(one));
    }
    bide::file other = co_await bide::open(make(in / "a", "text"));
    const std::string text = co_await other.read();
    EXPECT_EQ(text, "text");
    for (bide::file& each : files) co_await each.close();
}

BIDE_TEST(file_fifo, whole_files_that_nobody_writes_to_or_reads_keep_no_worker) {
    const scratch in;
    std::vector<bide::task<std::string>> readers;
    std::vector<bide::task<void>> writers;
    for (int i = 0; i < more_than_workers; ++i) {
        readers.push_back(bide::create_task(bide::read_file(fifo_at(in / ("r" + std::to_string(i))))));
        writers.push_back(bide::create_task(bide::write_file(fifo_at(in / ("w" + std::to_string(i))), "x")));
    }
    co_await bide::sleep(1s);
    const std::string text = co_await bide::read_file(make(in / "a", "text"));
    EXPECT_EQ(text, "text");
    for (auto& each : readers) {
        EXPECT_FALSE(each.done());
        each.cancel();
    }
    for (auto& each : writers) {
        EXPECT_FALSE(each.done());
        each.cancel();
    }
    for (auto& each : readers) {
        while (!each.done()) co_await bide::sleep(1s);
        EXPECT_TRUE(each.cancelled());
    }
    for (auto& each : writers) {
        while (!each.done()) co_await bide::sleep(1s);
        EXPECT_TRUE(each.cancelled());
    }
}

BIDE_TEST(file_fifo, the_first_read_waits_for_a_writer) {
    const scratch in;
    const std::string path = fifo_at(in / "fifo");
    bide::file reader = co_await bide::open(path);
    auto reading = bide::create_task(reader.read());
    co_await bide::sleep(1s);
    EXPECT_FALSE(reading.done());
    reading.cancel();  // taken back: the next read waits as well
    while (!reading.done()) co_await bide::sleep(1s);
    EXPECT_TRUE(reading.cancelled());
    reading = bide::create_task(reader.read());
    co_await bide::sleep(1s);
    EXPECT_FALSE(reading.done());
    bide::file writer = co_await bide::open(path, "w");
    co_await bide::sleep(1s);
    EXPECT_FALSE(reading.done());
    co_await writer.write("text");
    co_await writer.close();
    const std::string text = co_await reading;
    EXPECT_EQ(text, "text");
    const std::string end = co_await reader.read();
    EXPECT_EQ(end, "");
    co_await reader.close();
}

BIDE_TEST(file_fifo, a_writer_that_writes_nothing_is_the_end) {
    const scratch in;
    const std::string path = fifo_at(in / "fifo");
    bide::file reader = co_await bide::open(path);
    auto reading = bide::create_task(reader.read());
    auto whole = bide::create_task(bide::read_file(path));
    while (!reading.done() || !whole.done()) {
        co_await bide::sleep(1s);
        unique_fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    }
    const std::string text = co_await reading;
    EXPECT_EQ(text, "");
    const std::string all = co_await whole;
    EXPECT_EQ(all, "");
    co_await reader.close();
}

BIDE_TEST(file_fifo, one_to_write_needs_a_reader) {
    const scratch in;
    const std::string path = fifo_at(in / "fifo");
    std::string text;
    try {
        bide::file writer = co_await bide::open(path, "w");
    } catch (const std::system_error& e) { text = e.what(); }
    EXPECT_EQ(text, "open '" + path + "': No such device or address");
    auto writing = bide::create_task(bide::write_file(path, "text"));
    co_await bide::sleep(1s);
    EXPECT_FALSE(writing.done());
    const std::string got = co_await bide::read_file(path);
    EXPECT_EQ(got, "text");
    co_await writing;
}

BIDE_TEST(file_fifo, is_not_copied) {
    const scratch in;
    const std::string path = fifo_at(in / "fifo");
    const auto copied = co_await bide::as_result(bide::copy_file(path, in / "copy"));
    EXPECT_EQ(copied.error(), std::errc::invalid_seek);
    EXPECT_EQ(in.count(), 1U);
}

// A pipe that has lost its writers, by its name in /proc: there the end has come already.
BIDE_TEST(file_fifo, a_pipe_without_a_name_waits_for_no_writer) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const unique_fd from(ends[0]);
    unique_fd(ends[1]).reset();
    const std::string text = co_await bide::read_file("/proc/self/fd/" + std::to_string(from.get()));
    EXPECT_EQ(text, "");
}

int flags_of(const bide::detail::opened_file& made) { return ::fcntl(made.fd, F_GETFL); }

TEST(file_fifo, only_what_has_no_positions_stays_in_nonblocking_mode) {
    const scratch in;
    bide::detail::open_flags flags;
    flags.read = flags.write = flags.append = flags.create = true;
    bide::detail::opened_file made;
    EXPECT_EQ(bide::detail::sys::open_file((in / "a").c_str(), flags, made), 0);
    const unique_fd file(made.fd);
    EXPECT_EQ(flags_of(made) & (O_NONBLOCK | O_APPEND | O_ACCMODE), O_APPEND | O_RDWR);
    EXPECT_TRUE(made.seekable);
    EXPECT_EQ(bide::detail::sys::open_file(fifo_at(in / "fifo").c_str(), flags, made), 0);
    const unique_fd fifo(made.fd);
    EXPECT_NE(flags_of(made) & O_NONBLOCK, 0);
    EXPECT_FALSE(made.before_writer);  // is a writer itself
}

int leased = -1;

// O_NONBLOCK would refuse what another process has a lease on; without it the system asks for the lease.
TEST(file_fifo, a_file_with_a_lease_is_waited_for) {
    const scratch in("/dev/shm");
    const std::string path = make(in / "a", "text");
    const unique_fd owner(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    leased = owner.get();
    ASSERT_EQ(::fcntl(leased, F_SETLEASE, F_WRLCK), 0);
    const auto before = std::signal(SIGIO, [](int) { ::fcntl(leased, F_SETLEASE, F_UNLCK); });
    bide::detail::open_flags flags;
    flags.read = true;
    bide::detail::opened_file made;
    EXPECT_EQ(bide::detail::sys::open_file(path.c_str(), flags, made), 0);
    std::signal(SIGIO, before);
    const unique_fd file(made.fd);
    EXPECT_EQ(flags_of(made) & O_NONBLOCK, 0);
}

}  // namespace

// bide/net: pipes, terminals and standard streams as streams.
#include <bide/pipe.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "net/pipe_stream.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"

namespace {

using namespace std::chrono_literals;
using bide::stream_reader;
using bide::stream_writer;
using bide_test::has;
using bide_test::thrown;

class pipe_pair {
public:
    pipe_pair() { EXPECT_EQ(::pipe2(fds_.data(), O_CLOEXEC), 0); }
    ~pipe_pair() {
        close_reading();
        close_writing();
    }
    pipe_pair(const pipe_pair&) = delete;
    pipe_pair& operator=(const pipe_pair&) = delete;

    int take_reading() { return std::exchange(fds_[0], -1); }
    int take_writing() { return std::exchange(fds_[1], -1); }
    [[nodiscard]] int reading() const { return fds_[0]; }
    [[nodiscard]] int writing() const { return fds_[1]; }
    void close_reading() {
        if (fds_[0] >= 0) ::close(take_reading());
    }
    void close_writing() {
        if (fds_[1] >= 0) ::close(take_writing());
    }

private:
    std::array<int, 2> fds_{-1, -1};
};

// A terminal: what is written to the master is typed, what is written to the terminal is seen there.
class terminal {
public:
    terminal() : master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
        EXPECT_EQ(::grantpt(master), 0);
        EXPECT_EQ(::unlockpt(master), 0);
        slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        EXPECT_GE(slave, 0);
        termios mode{};
        ::tcgetattr(slave, &mode);
        mode.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        mode.c_oflag &= ~static_cast<tcflag_t>(OPOST);
        ::tcsetattr(slave, TCSANOW, &mode);
    }
    ~terminal() {
        if (master >= 0) ::close(master);
        if (slave >= 0) ::close(slave);
    }
    terminal(const terminal&) = delete;
    terminal& operator=(const terminal&) = delete;
    void hang_up() { ::close(std::exchange(master, -1)); }

    int master;
    int slave = -1;
};

// Puts another file in place of a standard descriptor until it is destroyed.
class in_place_of {
public:
    in_place_of(int standard, int fd) : standard_(standard), saved_(::dup(standard)) { ::dup2(fd, standard); }
    ~in_place_of() {
        ::dup2(saved_, standard_);
        ::close(saved_);
    }
    in_place_of(const in_place_of&) = delete;
    in_place_of& operator=(const in_place_of&) = delete;

private:
    int standard_;
    int saved_;
};

class scratch_folder {
public:
    scratch_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "bide-pipe-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~scratch_folder() { std::filesystem::remove_all(path); }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;

    std::filesystem::path path;
};

std::string reader_name(int fd) {
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string();
}

bool non_blocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

std::string content(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

// [pipe]
bide::coro<std::string> through_a_pipe(std::string text) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
    const bide::stream_reader reader = bide::connect_read_pipe(ends[0]);
    const bide::stream_writer writer = bide::connect_write_pipe(ends[1]);
    writer.write(text);
    writer.close();
    std::string all = co_await reader.read();
    co_return all;
}
// [/pipe]

BIDE_TEST(pipe, what_is_written_can_be_read) {
    const std::string got = co_await through_a_pipe("hello");
    EXPECT_EQ(got, "hello");
}

BIDE_TEST(pipe, a_fifo_is_a_pipe) {
    const scratch_folder folder;
    const std::string path = (folder.path / "fifo").string();
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const stream_reader reader =
        bide::connect_read_pipe(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    {
        const stream_writer writer = bide::connect_write_pipe(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        EXPECT_NE(writer.get_extra_info("pipe"), "");
        writer.write("over a fifo\n");
        const std::string line = co_await reader.readline();
        EXPECT_EQ(line, "over a fifo\n");
    }
    const std::string end = co_await reader.read();
    EXPECT_EQ(end, "");
}

BIDE_TEST(pipe, what_is_no_pipe_is_refused_by_name_and_stays_the_callers) {
    const scratch_folder folder;
    const std::string path = (folder.path / "file").string();
    const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    EXPECT_TRUE(has(thrown<std::invalid_argument>([&] { return bide::connect_read_pipe(file); }),
                    "connect_read_pipe", std::to_string(file), "regular file"));
    EXPECT_TRUE(has(thrown<std::invalid_argument>([&] { return bide::connect_write_pipe(file); }),
                    "connect_write_pipe", "regular file"));
    EXPECT_EQ(::close(file), 0);
    const int directory = ::open(folder.path.c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_TRUE(
        has(thrown<std::invalid_argument>([&] { return bide::connect_read_pipe(directory); }), "folder"));
    EXPECT_EQ(::close(directory), 0);
    EXPECT_TRUE(has(thrown<std::system_error>([&] { return bide::connect_read_pipe(-1); }),
                    "connect_read_pipe: descriptor -1"));
    co_return;
}

TEST(pipe, without_a_loop_the_descriptor_stays_the_callers) {
    const pipe_pair ends;
    EXPECT_THROW(static_cast<void>(bide::connect_read_pipe(ends.reading())), bide::invalid_state_error);
    EXPECT_THROW(static_cast<void>(bide::connect_write_pipe(ends.writing())), bide::invalid_state_error);
    EXPECT_GE(::fcntl(ends.reading(), F_GETFD), 0);
}

// --- nobody reads any more ---

BIDE_TEST(pipe, a_reader_that_goes_closes_an_idle_writer) {
    pipe_pair ends;
    const stream_writer writer = bide::connect_write_pipe(ends.take_writing());
    co_await bide::sleep(1s);
    EXPECT_FALSE(writer.is_closing());
    ends.close_reading();
    co_await writer.wait_closed();  // nothing was unsent: no failure
    EXPECT_TRUE(writer.is_closing());
    writer.write("nobody hears it");
    const auto drained = co_await bide::as_result(writer.drain());
    EXPECT_EQ(drained.error(), std::errc::connection_reset);
}

BIDE_TEST(pipe, with_bytes_unsent_it_fails_and_no_signal_ends_the_process) {
    pipe_pair ends;
    const stream_writer writer = bide::connect_write_pipe(ends.take_writing());
    writer.write(std::string(4'000'000, 'x'));
    EXPECT_GT(writer.get_write_buffer_size(), 0U);
    ends.close_reading();
    const auto closed = co_await bide::as_result(writer.wait_closed());
    EXPECT_EQ(closed.error(), std::errc::broken_pipe);
    EXPECT_TRUE(has(bide::describe_exception(closed.exception()), "write to pipe"));
}

BIDE_TEST(pipe, a_socket_whose_peer_only_sends_no_more_is_not_gone) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const stream_writer writer = bide::connect_write_pipe(ends[0]);
    EXPECT_FALSE(non_blocking(ends[0]));
    EXPECT_EQ(::write(ends[1], "unasked", 7), 7);
    ::shutdown(ends[1], SHUT_WR);
    co_await bide::sleep(1s);
    EXPECT_FALSE(writer.is_closing());
    writer.write("answer");
    char answer[16];
    EXPECT_EQ(::read(ends[1], answer, sizeof answer), 6);
    ::close(ends[1]);
    co_await bide::sleep(1s);
    writer.write("gone");
    const auto closed = co_await bide::as_result(writer.wait_closed());
    EXPECT_EQ(closed.error(), std::errc::broken_pipe);
}

BIDE_TEST(stdin, may_be_a_socket) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    {
        const in_place_of standard(0, ends[0]);
        const stream_reader in = bide::open_stdin();
        auto waiting = bide::create_task(in.readline());
        co_await bide::sleep(1s);
        EXPECT_EQ(::write(ends[1], "hello\n", 6), 6);
        const std::string line = co_await waiting;
        EXPECT_EQ(line, "hello\n");
        EXPECT_FALSE(non_blocking(0));
    }
    ::close(ends[0]);
    ::close(ends[1]);
}

BIDE_TEST(pipe, write_eof_closes_it) {
    pipe_pair ends;
    const stream_reader reader = bide::connect_read_pipe(ends.take_reading());
    const stream_writer writer = bide::connect_write_pipe(ends.take_writing());
    EXPECT_TRUE(writer.can_write_eof());
    const std::string sent(300'000, 'x');
    writer.write(sent);
    writer.write_eof();
    EXPECT_TRUE(writer.is_closing());
    EXPECT_THROW(writer.write("more"), bide::invalid_state_error);
    const std::string all = co_await reader.read();
    EXPECT_TRUE(all == sent);
    co_await writer.wait_closed();
}

BIDE_TEST(pipe, dropping_the_reader_closes_the_descriptor) {
    pipe_pair ends;
    const int fd = ends.take_reading();
    {
        const stream_reader reader = bide::connect_read_pipe(fd);
        auto waiting = bide::create_task(reader.readline());
        co_await bide::sleep(1s);
        waiting.cancel();
        co_await bide::sleep(1s);
    }
    EXPECT_LT(::fcntl(fd, F_GETFD), 0);
}

// --- terminals ---

BIDE_TEST(pipe, a_terminal_keeps_its_mode) {
    terminal screen;
    const int fd = ::dup(screen.slave);
    {
        const stream_reader reader = bide::connect_read_pipe(fd);
        const stream_writer writer = bide::connect_write_pipe(::dup(screen.slave));
        EXPECT_FALSE(non_blocking(screen.slave));
        EXPECT_TRUE(non_blocking(fd));
        EXPECT_EQ(reader_name(fd), reader_name(screen.slave));
        EXPECT_EQ(::write(screen.master, "typed\n", 6), 6);
        const std::string line = co_await reader.readline();
        EXPECT_EQ(line, "typed\n");
        writer.write("shown");
        co_await writer.drain();
        co_await bide::sleep(1s);
        char seen[16];
        EXPECT_EQ(::read(screen.master, seen, sizeof seen), 5);
    }
    EXPECT_FALSE(non_blocking(screen.slave));
    EXPECT_LT(::fcntl(fd, F_GETFD), 0);
}

// Where it cannot be opened anew: calls wait until they cannot block.
// Each read gives one line; those that came with it need no further event to be read.
BIDE_TEST(pipe, lines_that_reach_a_terminal_together_are_read_one_after_the_other) {
    const terminal screen;
    const stream_reader reader = bide::connect_read_pipe(::dup(screen.slave));
    auto first = bide::create_task(reader.readline());
    co_await bide::sleep(1s);
    EXPECT_EQ(::write(screen.master, "one\ntwo\nthree\n", 14), 14);
    std::string all = co_await first;
    all += co_await reader.readline();
    all += co_await reader.readline();
    EXPECT_EQ(all, "one\ntwo\nthree\n");
}

BIDE_TEST(pipe, the_master_of_a_terminal_works_too) {
    const terminal screen;
    const stream_reader reader = bide::connect_read_pipe(::dup(screen.master));
    const stream_writer writer = bide::connect_write_pipe(::dup(screen.master));
    EXPECT_FALSE(non_blocking(screen.master));
    writer.write("typed\n");
    char typed[16];
    co_await bide::wait_readable(screen.slave);
    EXPECT_EQ(::read(screen.slave, typed, sizeof typed), 6);
    EXPECT_EQ(::write(screen.slave, "shown\n", 6), 6);
    const std::string shown = co_await reader.readline();
    EXPECT_EQ(shown, "shown\n");
}

BIDE_TEST(pipe, a_terminal_that_hangs_up_ends) {
    terminal screen;
    const stream_reader reader = bide::connect_read_pipe(::dup(screen.slave));
    auto waiting = bide::create_task(reader.read());
    co_await bide::sleep(1s);
    screen.hang_up();
    const std::string rest = co_await waiting;
    EXPECT_EQ(rest, "");
}

// More than a terminal takes at once, while nobody looks: the loop must not block.
BIDE_TEST(pipe, a_slow_terminal_does_not_block_the_loop) {
    terminal screen;
    const stream_writer writer = bide::connect_write_pipe(::dup(screen.slave));
    const std::string sent(100'000, 'x');
    writer.write(sent);
    writer.close();
    ::fcntl(screen.master, F_SETFL, O_NONBLOCK);
    std::size_t seen = 0;
    std::array<char, 4096> room{};
    while (seen < sent.size()) {
        co_await bide::wait_readable(screen.master);
        const auto got = ::read(screen.master, room.data(), room.size());
        if (got > 0) seen += static_cast<std::size_t>(got);
    }
    co_await writer.wait_closed();
    EXPECT_EQ(seen, sent.size());
}

// --- standard streams ---

BIDE_TEST(stdin, of_a_terminal_leaves_it_in_its_mode) {
    const terminal screen;
    const in_place_of standard(0, screen.slave);
    {
        const stream_reader in = bide::open_stdin();
        EXPECT_EQ(::write(screen.master, "typed\n", 6), 6);
        const std::string line = co_await in.readline();
        EXPECT_EQ(line, "typed\n");
        EXPECT_FALSE(non_blocking(0));
    }
    EXPECT_GE(::fcntl(0, F_GETFD), 0);
    EXPECT_FALSE(non_blocking(0));
}

BIDE_TEST(stdin, of_a_pipe_leaves_it_in_its_mode) {
    pipe_pair ends;
    const in_place_of standard(0, ends.reading());
    {
        const stream_reader in = bide::open_stdin();
        auto waiting = bide::create_task(in.read());
        co_await bide::sleep(1s);
        EXPECT_EQ(::write(ends.writing(), "piped", 5), 5);
        ends.close_writing();
        const std::string all = co_await waiting;
        EXPECT_EQ(all, "piped");
        EXPECT_FALSE(non_blocking(0));
    }
    EXPECT_GE(::fcntl(0, F_GETFD), 0);
}

BIDE_TEST(stdin, may_be_a_file_or_nothing) {
    const scratch_folder folder;
    const std::string text(300'000, 'f');
    std::ofstream(folder.path / "file") << text;
    const int file = ::open((folder.path / "file").c_str(), O_RDONLY | O_CLOEXEC);
    {
        const in_place_of standard(0, file);
        const std::string all = co_await bide::open_stdin().read();
        EXPECT_TRUE(all == text);
    }
    ::close(file);
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    {
        const in_place_of standard(0, nothing);
        const std::string all = co_await bide::open_stdin().read();
        EXPECT_EQ(all, "");
    }
    ::close(nothing);
}

BIDE_TEST(stdout, of_a_pipe_leaves_it_in_its_mode) {
    pipe_pair ends;
    ::fflush(stdout);
    const std::string sent(1'000'000, 'o');
    const stream_reader reader = bide::connect_read_pipe(ends.take_reading());
    auto reading = bide::create_task(reader.read());
    {
        const in_place_of standard(1, ends.writing());
        ends.close_writing();
        const stream_writer out = bide::open_stdout();
        out.write(sent);
        co_await out.drain();
        EXPECT_FALSE(non_blocking(1));
        out.close();
        co_await out.wait_closed();
    }
    const std::string got = co_await reading;
    EXPECT_TRUE(got == sent);
}

BIDE_TEST(stdout, may_be_a_file) {
    const scratch_folder folder;
    const auto path = folder.path / "file";
    std::ofstream(path) << "before ";
    const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    const std::string sent(1'000'000, 'o');
    ::fflush(stderr);
    {
        const in_place_of standard(2, file);
        const stream_writer out = bide::open_stderr();
        out.write(sent);
        out.close();
        co_await out.wait_closed();
    }
    ::close(file);
    EXPECT_TRUE(content(path) == "before " + sent);
}

BIDE_TEST(stdin, that_is_closed_is_an_error_by_name) {
    const int saved = ::dup(0);
    ::close(0);
    const std::string why = thrown<std::system_error>([] { return bide::open_stdin(); });
    ::dup2(saved, 0);
    ::close(saved);
    EXPECT_TRUE(has(why, "open_stdin: descriptor 0"));
    co_return;
}

TEST(pipe, cancelling_at_every_point_leaves_nothing_behind) {
    bide::testing::cancel_everywhere([]() -> bide::coro<void> {
        const std::string got = co_await through_a_pipe(std::string(200'000, 'x'));
        EXPECT_EQ(got.size(), 200'000U);
    });
}

// 1 MiB where this user may have it: what another pipe gets.
int largest_pipe() {
    const pipe_pair other;
    const int got = ::fcntl(other.reading(), F_SETPIPE_SZ, 1024 * 1024);
    return got > 0 ? got : 64 * 1024;
}

BIDE_TEST(pipe, one_through_which_much_goes_is_made_larger) {
    pipe_pair pipe;
    const int before = ::fcntl(pipe.reading(), F_GETPIPE_SZ);
    const int most = largest_pipe();
    stream_reader reader = bide::connect_read_pipe(pipe.take_reading());
    stream_writer writer = bide::connect_write_pipe(pipe.take_writing());
    const int fd = std::stoi(writer.get_extra_info("pipe"));
    writer.write("a little");
    const std::string little = co_await reader.readexactly(8);
    EXPECT_EQ(little, "a little");
    EXPECT_EQ(::fcntl(fd, F_GETPIPE_SZ), before);
    std::string text(3'000'000, 'x');
    for (std::size_t at = 0; at < text.size(); at += 1000) text[at] = static_cast<char>('a' + at / 1000 % 26);
    writer.write(text);
    writer.close();
    std::string all = co_await reader.readexactly(1'000'000);
    EXPECT_GE(::fcntl(fd, F_GETPIPE_SZ), most);
    all += co_await reader.read();
    EXPECT_TRUE(all == text);
}

}  // namespace

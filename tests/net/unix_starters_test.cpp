// bide/net: several that start a server on one unix path at the same moment.
// bide-test: once
#include <bide/server.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>

#include <barrier>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "net/unix_path.hpp"
#include "os/fd.hpp"
#include "os/sock.hpp"
#include "support/async_test.hpp"
#include "support/servers.hpp"
#include "support/temp_folder.hpp"

namespace {

using namespace bide_test;

constexpr int starter_count = 4;
constexpr int rounds = 300;

bide::coro<void> start_again_and_again(const std::string& path, std::barrier<>& together, int& won,
                                       bool first) {
    for (int round = 0; round < rounds; ++round) {
        if (first) {
            bide::socket left(bide::address_family::local);
            left.bind(bide::address::local(path));
            left.listen();
        }
        std::optional<bide::server> mine;
        together.arrive_and_wait();
        try {
            auto starting = bide::start_unix_server(echo, path);
            mine.emplace(co_await std::move(starting));
            ++won;
        } catch (const std::system_error& error) { EXPECT_EQ(error.code(), std::errc::address_in_use); }
        together.arrive_and_wait();
        if (mine) co_await stop(*mine);
        together.arrive_and_wait();
    }
}

// A socket that does not listen yet looks like one that nobody lives behind, and a path may change between the look and
// the removal.
TEST(unix_starters, of_several_on_a_stale_path_one_wins) {
    const temp_folder folder;
    const std::string path = folder.file("wanted");
    std::barrier together(starter_count);
    std::vector<int> won(starter_count);
    std::vector<std::thread> starters;
    for (int i = 0; i < starter_count; ++i) {
        starters.emplace_back([&, i] {
            bide::run(start_again_and_again(path, together, won[static_cast<std::size_t>(i)], i == 0));
        });
    }
    for (std::thread& each : starters) each.join();
    int all = 0;
    for (const int each : won) all += each;
    EXPECT_EQ(all, rounds);
}

TEST(unix_starters, take_turns_until_the_socket_listens) {
    const temp_folder folder;
    const std::string path = folder.file("wanted");
    const std::string parent = path.substr(0, path.rfind('/'));
    bide::detail::unique_fd bound(bide::detail::sys::open_socket(AF_UNIX, SOCK_STREAM, 0));
    bide::detail::unique_fd turn = bide::detail::bind_or_replace(bound.get(), bide::address::local(path));
    EXPECT_TRUE(turn);
    const bide::detail::unique_fd other(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EXPECT_NE(::flock(other.get(), LOCK_EX | LOCK_NB), 0);
    turn.reset();
    EXPECT_EQ(::flock(other.get(), LOCK_EX | LOCK_NB), 0);
}

}  // namespace

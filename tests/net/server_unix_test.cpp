// bide/net: servers on unix sockets, and the files that these leave.
#include <bide/server.hpp>

#include <sys/socket.h>

#include <fstream>

#include <filesystem>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/servers.hpp"
#include "support/temp_folder.hpp"

namespace {

using namespace std::chrono_literals;
using namespace bide_test;
using bide::address;
using bide::address_family;

bool exists(const std::string& path) {
    return std::filesystem::exists(std::filesystem::symlink_status(path));
}

// As a process leaves it that ended in a hurry.
void leave_stale_socket(const std::string& path) {
    bide::socket left(address_family::local);
    left.bind(address::local(path));
    left.listen();
}

BIDE_TEST(unix_server, serves_a_path_and_removes_it) {
    const temp_folder folder;
    const std::string path = folder.file("echo");
    auto server = co_await bide::start_unix_server(echo, path);
    EXPECT_EQ(server.sockets().front().host(), path);
    EXPECT_EQ(server.port(), 0);
    auto peer = co_await bide::open_unix_connection(path);
    const std::string answer = co_await ask(peer, "hello");
    EXPECT_EQ(answer, "hello");
    peer.writer.close();
    co_await stop(server);
    EXPECT_FALSE(exists(path));
}

BIDE_TEST(unix_server, serves_an_abstract_name_that_is_no_file) {
    const std::string name = "@bide-test-" + std::to_string(::getpid());
    auto server = co_await bide::start_unix_server(echo, name);
    auto peer = co_await bide::open_unix_connection(name);
    const std::string answer = co_await ask(peer, "hello");
    EXPECT_EQ(answer, "hello");
    EXPECT_FALSE(exists(name));
    const std::string text = co_await failure(bide::start_unix_server(echo, name));
    EXPECT_TRUE(has(text, "bind " + name + ": ")) << text;
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(unix_server, replaces_a_socket_that_nobody_listens_on) {
    const temp_folder folder;
    const std::string path = folder.file("stale");
    leave_stale_socket(path);
    EXPECT_TRUE(exists(path));
    auto server = co_await bide::start_unix_server(echo, path);
    auto peer = co_await bide::open_unix_connection(path);
    const std::string answer = co_await ask(peer, "hello");
    EXPECT_EQ(answer, "hello");
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(unix_server, leaves_the_socket_of_a_server_that_runs) {
    const temp_folder folder;
    const std::string path = folder.file("busy");
    auto first = co_await bide::start_unix_server(stay, path);
    std::error_code code;
    const std::string text = co_await failure(bide::start_unix_server(echo, path), &code);
    EXPECT_EQ(code, std::errc::address_in_use);
    EXPECT_TRUE(has(text, "bind " + path + ": ")) << text;
    auto peer = co_await bide::open_unix_connection(path);
    peer.writer.close();
    co_await stop(first);
}

BIDE_TEST(unix_server, leaves_a_file_that_is_no_socket) {
    const temp_folder folder;
    const std::string path = folder.file("notes.txt");
    std::ofstream(path) << "important";
    std::error_code code;
    co_await failure(bide::start_unix_server(echo, path), &code);
    EXPECT_EQ(code, std::errc::address_in_use);
    EXPECT_EQ(std::filesystem::file_size(path), 9U);
}

BIDE_TEST(unix_server, removes_only_its_own_file) {
    const temp_folder folder;
    const std::string path = folder.file("moved");
    auto first = co_await bide::start_unix_server(echo, path);
    std::filesystem::remove(path);
    auto second = co_await bide::start_unix_server(echo, path);
    co_await stop(first);
    EXPECT_TRUE(exists(path));
    auto peer = co_await bide::open_unix_connection(path);
    const std::string answer = co_await ask(peer, "second");
    EXPECT_EQ(answer, "second");
    peer.writer.close();
    co_await stop(second);
    EXPECT_FALSE(exists(path));
}

BIDE_TEST(unix_server, leaves_its_file_when_asked) {
    const temp_folder folder;
    const std::string path = folder.file("kept");
    auto server = co_await bide::start_unix_server(echo, path, bide::server_options().cleanup_socket(false));
    co_await stop(server);
    EXPECT_TRUE(exists(path));
}

BIDE_TEST(unix_server, says_what_is_wrong_with_a_path) {
    std::error_code code;
    const std::string missing = co_await failure(bide::start_unix_server(echo, "/nowhere/at/all"), &code);
    EXPECT_EQ(code, std::errc::no_such_file_or_directory);
    EXPECT_TRUE(has(missing, "bind /nowhere/at/all: ")) << missing;
    co_await failure(bide::start_unix_server(echo, std::string(200, 'x')), &code);
    EXPECT_EQ(code, std::errc::invalid_argument);
}

}  // namespace

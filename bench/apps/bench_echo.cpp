// bide/bench: an echo server: `bench_echo PORT [epoll|io_uring]` serves 127.0.0.1:PORT until it is killed.
#include <bide/bide.hpp>
#include <bide/server.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

bide::coro<void> echo(bide::stream_reader reader, bide::stream_writer writer) {
    std::string_view data;
    for (;;) {
        data = co_await reader.read_view(256 * 1024);
        if (data.empty()) break;
        writer.write(data);
        co_await writer.drain();
    }
}

bide::coro<void> serve(std::uint16_t port) {
    const auto where = bide::address::loopback(bide::address_family::ipv4, port);
    auto server = co_await bide::start_server(echo, where, bide::server_options().backlog(4096));
    std::printf("ready on %u with %s\n", server.port(), bide::get_running_loop().backend_name());
    std::fflush(stdout);
    co_await server.serve_forever();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s PORT [epoll|io_uring]\n", argv[0]);
        return 2;
    }
    const std::string_view name = argc > 2 ? argv[2] : "";
    bide::run_options options;
    if (name == "epoll") options.backend(bide::backend_type::epoll);
    if (name == "io_uring") options.backend(bide::backend_type::io_uring);
    bide::run(serve(static_cast<std::uint16_t>(std::atoi(argv[1]))), options);
}

// bide/bench: a TLS echo server: `bench_tls_echo PORT CERTIFICATE KEY [epoll|io_uring]` serves 127.0.0.1:PORT.
#include <bide/bide.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
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

bide::coro<void> serve(std::uint16_t port, bide::tls_context context) {
    const auto where = bide::address::loopback(bide::address_family::ipv4, port);
    auto server = co_await bide::start_server(echo, where, bide::server_options().tls(context));
    std::printf("ready on %u with %s\n", server.port(), bide::get_running_loop().backend_name());
    std::fflush(stdout);
    co_await server.serve_forever();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: %s PORT CERTIFICATE KEY [epoll|io_uring]\n", argv[0]);
        return 2;
    }
    const std::string_view name = argc > 4 ? argv[4] : "";
    bide::run_options options;
    if (name == "epoll") options.backend(bide::backend_type::epoll);
    if (name == "io_uring") options.backend(bide::backend_type::io_uring);
    bide::run(
        serve(static_cast<std::uint16_t>(std::atoi(argv[1])), bide::tls_context::server(argv[2], argv[3])),
        options);
}

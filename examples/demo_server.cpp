// bide/examples: an echo server for demo_connections: prints its port and its process, and serves until it is ended.
#include <bide/bide.hpp>

#include <unistd.h>

#include <cstdio>
#include <string>

bide::coro<void> echo(bide::stream_reader reader, bide::stream_writer writer) {
    std::string data;
    do {
        data = co_await reader.read(4096);
        writer.write(data);
        co_await writer.drain();
    } while (!data.empty());
}

bide::coro<void> serve() {
    auto server = co_await bide::start_server(echo, "127.0.0.1", 0);
    std::printf("%d %d\n", server.port(), ::getpid());
    std::fflush(stdout);
    co_await server.serve_forever();
}

int main() { bide::run(serve()); }

// bide/examples: ten thousand connections to a server in another process, measured: `demo_connections [SERVER]`.
#include <bide/bide.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "demo_process.hpp"

using namespace std::chrono_literals;

const std::string message(64, 'x');

double now() {
    return std::chrono::duration<double>(bide::get_running_loop().time().time_since_epoch()).count();
}

struct client {
    std::uint16_t port;
    int open = 0;
    bool over = false;
    bide::event start{};
    bide::semaphore door{50};  // so many at a time connect, and a server keeps up
    std::vector<double> waits{};

    // Sends once, waits until all are open, then sends and awaits the echo again and again.
    bide::coro<void> converse() {
        std::string answer;
        co_await door.acquire();
        auto [reader, writer] = co_await bide::open_connection("127.0.0.1", port);
        for (double sent = 0; !over; sent = now()) {
            writer.write(message);
            answer = co_await reader.readexactly(message.size());
            if (sent != 0) waits.push_back(now() - sent);
            if (sent == 0) {
                ++open;
                door.release();
            }
            co_await start.wait();
        }
    }
};

bide::coro<void> measure(const server_process& server, int connections) {
    client all{.port = server.port()};
    const double began = now(), memory = server.resident_bytes();
    double start = 0, processor = 0;
    auto converse = [&](bide::task_group& group) -> bide::coro<void> {
        for (int i = 0; i < connections; ++i) group.create_task(all.converse());
        for (; all.open < connections; co_await bide::sleep(20ms)) show_progress(now() - began, all.open, 0);
        std::printf("connections: %d\n", connections);
        std::printf("seconds to open them: %.2f\n", now() - began);
        std::printf("bytes for a connection: %.0f\n", (server.resident_bytes() - memory) / connections);
        start = now(), processor = server.processor_ns();
        all.start.set();
        for (; now() - start < 3; co_await bide::sleep(50ms))
            show_progress(now() - began, all.open, all.waits.size());
        all.over = true;
    };
    co_await bide::with_task_group(converse);
    end_progress();
    const auto echoes = static_cast<double>(all.waits.size());
    std::sort(all.waits.begin(), all.waits.end());
    std::printf("echoes per second: %.0f\n", echoes / (now() - start));
    std::printf("ns of the server for an echo: %.0f\n", (server.processor_ns() - processor) / echoes);
    std::printf("ms for half of the echoes: %.2f\n", all.waits[all.waits.size() / 2] * 1e3);
    std::printf("ms for 99 of 100: %.2f\n", all.waits[all.waits.size() * 99 / 100] * 1e3);
}

int main(int argc, char** argv) {
    const std::string own = argv[0], folder = own.substr(0, own.rfind('/') + 1);
    const int connections = allowed_connections(10'000);
    try {
        const server_process server(argc > 1 ? argv[1] : "exec " + folder + "demo_server");
        bide::run(measure(server, connections));
    } catch (const std::exception& error) { return std::fprintf(stderr, "%s\n", error.what()), 1; }
}

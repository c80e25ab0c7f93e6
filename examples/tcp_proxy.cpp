// bide/examples: a TCP relay: `tcp_proxy PORT HOST PORT [CONNECTIONS [IDLE_SECONDS]]`.
//
// Each connection to the first port gets one of its own to the host. Each side may end its half and go on receiving; a
// pair that moves no byte for a minute is cut. SIGTERM and Ctrl-C: no new connections, ten seconds for the open ones.
#include <bide/bide.hpp>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

struct settings {
    int port;
    std::string host;
    int host_port;
    std::size_t connections;
    std::chrono::seconds idle;
};

struct traffic {
    std::size_t up = 0;
    std::size_t down = 0;
};

// Passes on what comes, and then the end. `moved` is called after each piece.
template <class F>
bide::coro<void> pump(bide::stream_reader& from, bide::stream_writer& to, std::size_t& bytes, F moved) {
    for (;;) {
        const std::string_view piece = co_await from.read_view();
        if (piece.empty()) break;
        to.write(piece);
        co_await to.drain();  // a receiver that is slow slows its sender
        bytes += piece.size();
        moved();
    }
    to.write_eof();
}

bide::coro<void> both_ways(bide::connection& near, bide::connection& far, traffic& bytes,
                           std::chrono::seconds idle) {
    co_await bide::with_timeout(idle, [&](bide::timeout& limit) -> bide::coro<void> {
        auto moved = [&] { limit.reschedule(bide::get_running_loop().time() + idle); };
        co_await bide::with_task_group([&](bide::task_group& pumps) -> bide::coro<void> {
            pumps.create_task(pump(near.reader, far.writer, bytes.up, moved));
            pumps.create_task(pump(far.reader, near.writer, bytes.down, moved));
            co_return;
        });
    });
}

bide::coro<void> relay(const settings& to, bide::connection& near, traffic& bytes) {
    auto options = bide::connection_options().timeout(10s);
    auto far = co_await bide::open_connection(to.host, to.host_port, options);
    auto outcome = co_await bide::as_result(both_ways(near, far, bytes, to.idle));
    if (!outcome) far.writer.abort();
    outcome.value();
}

// What went wrong, in one line: of two pumps that failed, the first.
std::string describe(std::exception_ptr error) {
    try {
        std::rethrow_exception(error);
    } catch (const bide::exception_group& both) { return describe(both.exceptions().front()); } catch (...) {
        return bide::describe_exception(error);
    }
}

bide::coro<void> serve(const settings& to, bide::stream_reader reader, bide::stream_writer writer) {
    traffic bytes;
    bide::connection near(std::move(reader), std::move(writer));
    const std::string peer = near.writer.get_extra_info("peername");
    auto outcome = co_await bide::as_result(relay(to, near, bytes));
    if (!outcome) near.writer.abort();
    std::cout << peer << ": " << bytes.up << " bytes up, " << bytes.down << " down, "
              << (outcome ? "done" : describe(outcome.exception())) << std::endl;
}

bide::coro<void> async_main(settings to) {
    auto told_to_stop = bide::wait_for_signal(SIGTERM, SIGINT);  // from here on

    auto handler = [to](bide::stream_reader reader, bide::stream_writer writer) {
        return serve(to, std::move(reader), std::move(writer));
    };
    auto options = bide::server_options().connection_limit(to.connections);
    auto server = co_await bide::start_server(handler, "", to.port, options);
    std::cout << "relaying port " << server.port() << " to " << to.host << " port " << to.host_port
              << std::endl;
    co_await std::move(told_to_stop);

    server.close();
    std::cout << "stopping; " << server.connections() << " connections are open" << std::endl;
    auto ended = co_await bide::as_result(bide::wait_for(server.wait_closed(), 10s));
    if (!ended) server.abort_clients();
}

int main(int argc, char** argv) {
    if (argc < 4) {
        std::cerr << "usage: tcp_proxy PORT HOST PORT [CONNECTIONS [IDLE_SECONDS]]\n";
        return 2;
    }
    try {
        const settings to{std::stoi(argv[1]), argv[2], std::stoi(argv[3]),
                          argc > 4 ? std::stoul(argv[4]) : 1000,
                          std::chrono::seconds(argc > 5 ? std::stoi(argv[5]) : 60)};
        bide::run(async_main(to));
    } catch (const std::exception& error) {
        std::cerr << "tcp_proxy: " << error.what() << '\n';
        return 1;
    }
}

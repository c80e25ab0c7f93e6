// bide/bench: echo servers on standalone Asio, one io_context on one thread: `asio_echo PORT [awaitable|callbacks]`.
#include "server.hpp"

#include <memory>
#include <string_view>

namespace {

constexpr std::size_t buffer_size = 64 * 1024;

awaitable<void> serve(tcp_socket socket) {
    socket.set_option(tcp::no_delay(true));
    const auto buffer = std::make_unique_for_overwrite<char[]>(buffer_size);
    for (;;) {
        const auto [error, size] =
            co_await socket.async_read_some(asio::buffer(buffer.get(), buffer_size), no_throw);
        if (error) co_return;
        const auto [failure, sent] =
            co_await asio::async_write(socket, asio::buffer(buffer.get(), size), no_throw);
        if (failure) co_return;
    }
}

awaitable<void> listen(acceptor& door) {
    for (;;) {
        tcp_socket socket = co_await door.async_accept(use_awaitable);
        asio::co_spawn(door.get_executor(), serve(std::move(socket)), asio::detached);
    }
}

class session : public std::enable_shared_from_this<session> {
public:
    explicit session(tcp_socket socket) : socket_(std::move(socket)) {
        socket_.set_option(tcp::no_delay(true));
    }

    void read() {
        socket_.async_read_some(asio::buffer(buffer_.get(), buffer_size),
                                [self = shared_from_this()](asio::error_code error, std::size_t size) {
                                    if (!error) self->write(size);
                                });
    }

private:
    void write(std::size_t size) {
        asio::async_write(socket_, asio::buffer(buffer_.get(), size),
                          [self = shared_from_this()](asio::error_code error, std::size_t) {
                              if (!error) self->read();
                          });
    }

    tcp_socket socket_;
    std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(buffer_size);
};

void accept_next(acceptor& door) {
    door.async_accept([&door](asio::error_code error, tcp_socket socket) {
        if (!error) std::make_shared<session>(std::move(socket))->read();
        accept_next(door);
    });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s PORT [awaitable|callbacks]\n", argv[0]);
        return 2;
    }
    const std::string_view style = argc > 2 ? argv[2] : "awaitable";
    serve_port(argv[1], [&](acceptor& door) {
        if (style == "callbacks")
            accept_next(door);
        else
            asio::co_spawn(door.get_executor(), listen(door), asio::detached);
    });
}

// bide/examples: an echo server and its client as protocols: functions that the loop calls, and no coroutine per connection.
#include <bide/bide.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

// [server]
class echo_server : public bide::protocol {
public:
    void connection_made(bide::transport transport) override {
        std::puts("server: connection made");
        transport_ = transport;
    }
    void data_received(std::string_view data) override {
        std::printf("server: received '%.*s'\n", static_cast<int>(data.size()), data.data());
        transport_.write(data);
    }
    bool eof_received() override {
        std::puts("server: the client has ended");
        return false;  // close
    }
    void connection_lost(std::exception_ptr error) override {
        std::printf("server: connection lost%s\n", error ? bide::describe_exception(error).c_str() : "");
    }

private:
    bide::transport transport_;
};
// [/server]

// [client]
class echo_client : public bide::protocol {
public:
    explicit echo_client(std::string message) : message_(std::move(message)) {}

    void connection_made(bide::transport transport) override {
        transport_ = transport;
        transport_.write(message_);
    }
    void data_received(std::string_view data) override {
        std::printf("client: received '%.*s'\n", static_cast<int>(data.size()), data.data());
        transport_.write_eof();
    }
    void connection_lost(std::exception_ptr) override {
        std::puts("client: connection lost");
        done.set_result();
    }

    bide::future<void> done = bide::create_future<void>();

private:
    std::string message_;
    bide::transport transport_;
};
// [/client]

// [main]
bide::coro<void> async_main() {
    auto make_server = [] { return std::make_shared<echo_server>(); };
    auto server = co_await bide::create_server(make_server, "127.0.0.1", 0);

    auto make_client = [] { return std::make_shared<echo_client>("Hello, world!"); };
    auto [transport, client] = co_await bide::create_connection(make_client, "127.0.0.1", server.port());
    co_await client->done;

    server.close();
    co_await server.wait_closed();
}

int main() { bide::run(async_main()); }
// [/main]

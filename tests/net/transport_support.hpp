// bide/tests: protocols that write down what they are told, and connections between two of them.
#pragma once

#include <bide/bide.hpp>
#include <bide/create_connection.hpp>
#include <bide/create_server.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bide_test {

/// Its calls in order: "made", "data hello", "eof", "pause", "resume", "lost" or "lost: why".
class recorder : public bide::protocol {
public:
    using events = std::vector<std::string>;

    void connection_made(bide::transport connection) override {
        over = std::move(connection);
        calls.emplace_back("made");
    }
    void data_received(std::string_view data) override {
        calls.push_back("data " + std::string(data));
        received += data;
        arrived.set();
    }
    bool eof_received() override {
        calls.emplace_back("eof");
        ended.set();
        return stays_open;
    }
    void pause_writing() override { calls.emplace_back("pause"); }
    void resume_writing() override {
        calls.emplace_back("resume");
        resumed.set();
    }
    void connection_lost(std::exception_ptr error) override {
        calls.push_back(error ? "lost: " + bide::describe_exception(error) : "lost");
        why = error;
        gone.set();
    }

    bide::transport over;
    events calls;
    std::string received;
    std::exception_ptr why;
    bool stays_open = false;
    bide::event arrived;
    bide::event ended;
    bide::event resumed;
    bide::event gone;
};

inline std::shared_ptr<recorder> make_recorder() { return std::make_shared<recorder>(); }

/// Writes until the system takes no more, because the peer does not read; then the next byte is buffered.
inline bide::coro<void> fill(bide::transport over, bide::transport peer) {
    const std::string piece(256 * 1024, 'x');
    peer.pause_reading();
    over.set_write_buffer_limits(SIZE_MAX);
    while (over.get_write_buffer_size() < 100000) {
        over.write(piece);
        co_await bide::sleep(std::chrono::seconds(1));
    }
}

inline bide::address free_port() { return bide::address::loopback(bide::address_family::ipv4, 0); }

/// A server whose protocols can be looked at, and a way to wait for the first.
template <class P = recorder>
class hall {
public:
    bide::coro<void> open() {
        auto factory = take_in();
        auto opening = bide::create_server(factory, free_port());
        server.emplace(co_await std::move(opening));
    }
    bide::coro<std::shared_ptr<P>> first() {
        std::shared_ptr<P> found;
        while (guests.empty() || !guests.front()->over) co_await bide::sleep(std::chrono::seconds(0));
        found = guests.front();
        co_return found;
    }
    bide::coro<void> close() {
        const bide::server it = *server;
        it.close();
        co_await it.wait_closed();
    }
    [[nodiscard]] bide::address where() const { return server->sockets().front(); }

protected:
    using guest_list = std::vector<std::shared_ptr<P>>;

    // The factory. A connection may be accepted when the test was cancelled and this is gone.
    auto take_in() const {
        return [list = list_] { return list->emplace_back(std::make_shared<P>()); };
    }

private:
    const std::shared_ptr<guest_list> list_ = std::make_shared<guest_list>();

public:
    std::optional<bide::server> server;
    guest_list& guests = *list_;
};

}  // namespace bide_test

// bide/net: what is behind a datagram_transport: a socket, a queue and a protocol.
#pragma once

#include <bide/datagram_transport.hpp>
#include <bide/detail/os/ops.hpp>

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "net/stream_core.hpp"
#include "net/transport_steps.hpp"

namespace bide::detail {

class datagram_state final : public transport_steps, private loop_guest {
public:
    datagram_state(loop_state& loop, datagram_target target, std::shared_ptr<datagram_protocol> protocol);

    void send(std::string_view data, const std::optional<address>& to);
    void close() noexcept;
    void abort() noexcept;
    [[nodiscard]] bool closing() const noexcept { return closing_; }

    void set_water_marks(water_marks marks);
    [[nodiscard]] water_marks marks() const noexcept { return marks_; }
    [[nodiscard]] std::size_t unsent() const noexcept { return unsent_; }

    [[nodiscard]] const address& local_address() const noexcept { return local_; }
    [[nodiscard]] const std::optional<address>& remote_address() const noexcept { return remote_; }
    [[nodiscard]] int descriptor() const noexcept { return socket_.fileno(); }

    void set_protocol(std::shared_ptr<datagram_protocol> protocol);
    [[nodiscard]] const std::shared_ptr<datagram_protocol>& get_protocol() const noexcept {
        return protocol_;
    }

private:
    struct queued {
        std::string data;
        address to;
    };

    // One direction: the operation, and the message that it is about. Holds a reference while it is in flight.
    struct direction : timer_node {
        direction(datagram_state& of, const op_kind& kind, const ready_ops& table) noexcept;
        datagram_state& state;
        op_request operation;
        address peer;
        ::iovec piece{};
        ::msghdr message{};
        bool in_flight = false;

        void prepare(char* data, std::size_t size, std::size_t name_size) noexcept;
    };

    ~datagram_state() override;

    void introduce() override;
    void lose() override;
    void drop_protocol() noexcept override;

    void submit(direction& which) noexcept;
    void receive() noexcept;
    void received();
    void send_next();
    void sent();
    void pause() noexcept;
    // Whether it went, or failed for good; false: no room now.
    bool send_now(std::string_view data, const address& to);
    void fail(int error, const char* what);
    void update_pause();
    void finish() noexcept;

    template <class F>
    static void come_back(ready_node& node, F then);
    static const ready_ops input_ops;
    static const ready_ops output_ops;

    socket socket_;
    std::optional<address> remote_;
    bool connected_;
    address local_;
    std::shared_ptr<datagram_protocol> protocol_;
    direction input_;
    direction output_;
    std::unique_ptr<char[]> memory_;  // what arrives
    std::deque<queued> queue_;
    std::size_t unsent_ = 0;
    water_marks marks_;
    std::int64_t pause_;    // before the next attempt, where there is nothing to wait for
    bool pausing_ = false;  // output_ is in the timers, or comes from there
    bool paused_ = false;
    bool closing_ = false;
};

}  // namespace bide::detail

// bide/net: a byte stream inside another one, encrypted: what its parts share.
//
// The engine knows no sockets: what the lower stream receives is appended to its input, and what it puts out is sent
// down after every call, because reading may answer (a change of keys) and writing needs no reading. So both directions
// work at once, and nothing ever waits to write but for the water marks.
//
// Life. The last handle that goes begins the end (close), but the object stays until the lower stream is closed: the
// timer that bounds the end refers to it. When the loop closes and drops the timer, the lower stream is aborted. Any
// call down may end the lower stream, and with that this object, so every function that calls down holds a reference
// while it runs.
#pragma once

#include <bide/handle.hpp>
#include <bide/time.hpp>
#include <bide/tls.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/stream_core.hpp"
#include "net/stream_operation.hpp"
#include "net/tls_engine.hpp"

namespace bide::detail {

class tls_stream final : public stream_core, stream_watcher {
public:
    tls_stream(stream_ref lower, tls_context context, std::string host, duration shutdown_limit);
    ~tls_stream() override;

    // `already` is what was received before. When it is done, who watched the lower stream watches this one.
    coro<void> handshake(std::string already);
    // "TLS with 'example.org' (127.0.0.1:443)"
    [[nodiscard]] std::string title() const;

    coro<std::size_t> receive(std::string& into, std::size_t most) override;
    receive_start begin_receive(receive_buffer& into, std::size_t most) override;
    std::size_t end_receive(receive_buffer& into) override;
    void abandon_receive() noexcept override {
        leave_receive();
        lower_->abandon_receive();
    }

    void send(std::string_view bytes) override;
    void send_eof() override {}
    [[nodiscard]] bool can_send_eof() const noexcept override { return false; }
    [[nodiscard]] std::size_t unsent() const noexcept override { return closed_ ? 0 : lower_->unsent(); }
    [[nodiscard]] std::size_t known_unsent() const noexcept override {
        return closed_ ? 0 : lower_->known_unsent();
    }

    void close() override;
    void abort() noexcept override;

    [[nodiscard]] std::string extra_info(std::string_view name) const override;
    [[nodiscard]] int descriptor() const noexcept override { return lower_->descriptor(); }

private:
    static constexpr std::size_t piece = 64 * 1024;  // encrypted, and asked for, at a time
    static constexpr std::size_t most_answers = 64 * 1024;
    static constexpr std::size_t most_dropped = 1024 * 1024;

    // What an engine puts out, on its way down. One buffer serves all connections of a thread, because it is empty again
    // before anything else runs; a TLS stream inside another one takes a second.
    class output_buffer {
    public:
        output_buffer() noexcept : bytes(std::exchange(spare(), {})) {}
        ~output_buffer();
        output_buffer(const output_buffer&) = delete;
        output_buffer& operator=(const output_buffer&) = delete;

        std::string bytes;

    private:
        static std::string& spare() noexcept;
    };

    tls_status advance_handshake();
    // What has been received means: bytes for the reader, its end, or that more is needed.
    template <class Buffer>
    tls_status read_some(Buffer& into, std::size_t most, std::size_t& count);
    template <class Buffer>
    std::size_t take(Buffer& into, std::size_t most);
    // What a read has put out, counted since the peer has taken all.
    [[nodiscard]] bool asks_too_much(const output_buffer& output);
    void send_down(const output_buffer& output) {
        if (!output.bytes.empty()) lower_->send(output.bytes);
    }
    // False: the engine has failed.
    bool send_pieces(std::string_view bytes);
    // `count` bytes were received, while the stream was open.
    void check_not_cut(std::size_t count) const;

    // The engine has failed: the alert that tells the peer is sent, then the connection closed.
    void fail();
    [[noreturn]] void give_up();

    void destroy() noexcept override;
    void close_lower() noexcept;
    void stream_gone(stream_core& lower) noexcept override;
    void unsent_changed() override {
        if (!sending_) update_pause();
    }
    void take_watcher() noexcept;
    void end_late();

    // Closed on this side, waiting for the peer's end.
    void leave_receive() noexcept;
    void listen_for_end() noexcept;
    void heard(std::size_t count);
    void heard_alone(int result);
    void heard_nothing() noexcept {}
    tls_status read_unwanted();
    tls_status drop_unreadable(std::size_t count) noexcept;

    // Allocated when it is needed: most connections are open.
    struct ending {
        explicit ending(tls_stream& of) noexcept : operation(of) {}
        stream_operation<tls_stream, &tls_stream::heard_alone, &tls_stream::heard_nothing> operation;
    };

    tls_context context_;
    tls_engine engine_;
    duration shutdown_limit_;
    timer_handle limit_;
    std::size_t most_ = 0;  // of the receive in progress
    std::size_t answers_ = 0;
    std::size_t dropped_ = 0;  // since the engine has failed
    bool ended_ = false;       // the peer sends no more
    bool all_sent_ = false;    // by the time of close(); that a peer does not take our own end is no failure
    bool receiving_ = false;   // a task receives
    bool sending_ = false;     // a part of what is written; nobody is told before it is all of it
    bool lingers_ = false;     // closed, and the peer has not ended
    std::unique_ptr<ending> ending_;
    stream_ref lower_;
    stream_watcher* lower_watcher_;  // whom it had before
    tls_stream* below_ = nullptr;    // the same, where that is TLS, too
    tls_stream* above_ = nullptr;    // whose lower_ this is
};

}  // namespace bide::detail

// bide/net: what is behind a transport: a stream and its protocol.
#pragma once

#include <bide/detail/net/stream_ref.hpp>
#include <bide/protocol.hpp>

#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/stream_core.hpp"
#include "net/transport_steps.hpp"

namespace bide::detail {

class transport_state final : public transport_steps, public stream_sink {
public:
    transport_state(stream_ref stream, std::shared_ptr<stream_protocol> protocol);

    // The protocol of a connection that start_tls() has changed is connected already: begin() does not say it again.
    void skip_introduction() noexcept { introduced_ = true; }
    // Takes over the stream.
    void begin(future<void> made);

    // For start_tls(): no byte is read any more, whatever the protocol asks for.
    void stop_for_good() noexcept;
    // TLS could not be started: closes the connection where that is not under way already.
    void handshake_failed(const std::exception_ptr& error) noexcept;
    // Somebody else has the stream now; the protocol is not called any more.
    void give_away() noexcept;

    // Throws invalid_state_error when the stream was given away.
    [[nodiscard]] stream_core& stream(const char* call) const;
    [[nodiscard]] const stream_ref& stream_or_null() const noexcept { return stream_; }
    [[nodiscard]] bool closing() const noexcept { return !stream_ || stream_->closing(); }

    void pause_reading() noexcept;
    void resume_reading();
    // What has arrived and was not given to the protocol.
    [[nodiscard]] std::string take_kept() noexcept;
    [[nodiscard]] bool reading() const noexcept { return !paused_ && !read_all_ && !closing(); }
    void close();
    void abort() noexcept;
    [[nodiscard]] std::string extra_info(std::string_view name) const;

    void set_protocol(std::shared_ptr<stream_protocol> protocol);
    [[nodiscard]] const std::shared_ptr<stream_protocol>& get_protocol() const noexcept { return protocol_; }

    std::span<char> room() override;
    void received(std::string_view bytes) override;
    void receive_ended(std::exception_ptr error) override;
    void on_paused() override;
    void on_resumed() override;
    void stream_closed() noexcept override;

private:
    ~transport_state() override = default;

    void introduce() override;
    void lose() override;
    void drop_protocol() noexcept override;

    void read_if_wanted();
    // It is given to whoever reads next, in a later turn.
    void keep(std::string_view bytes);
    void deliver_kept();
    // Closes the connection because of `error`.
    void fail(std::exception_ptr error) noexcept;
    void update_buffer(std::string_view bytes);
    // A call whose failure is reported and closes the connection; false then.
    template <class F>
    bool call_or_close(const char* message, F fn);

    bool introduced_ = false;
    bool paused_ = false;
    bool read_all_ = false;
    bool delivering_ = false;  // deliver_kept() is on its way
    stream_ref stream_;
    std::shared_ptr<stream_protocol> protocol_;
    protocol* plain_ = nullptr;  // protocol_, if it is one of these
    buffered_protocol* buffered_ = nullptr;
    std::string kept_;      // comes before anything else that is received, so nothing is until then
    std::span<char> room_;  // what get_buffer() gave
    std::exception_ptr error_;
    std::string peer_;  // still known when the socket is gone
};

}  // namespace bide::detail

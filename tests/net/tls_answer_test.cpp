// bide/net: a TLS stream whose reads answer the peer: what closes it meanwhile, and a peer that has no end of questions.
// bide-test: once
#include <bide/tls.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/tls_core.hpp"
#include "net/tls_engine.hpp"
#include "net/tls_state.hpp"
#include "net/tls_stream.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/tls_certificates.hpp"

// Of OpenSSL, whose headers belong to src/net/tls_*.
extern "C" {
void SSL_CTX_set_info_callback(ssl_ctx_st* context, void (*told)(const ssl_st*, int, int));
std::uint64_t SSL_clear_options(ssl_st* connection, std::uint64_t options);
int SSL_renegotiate(ssl_st* connection);
int SSL_key_update(ssl_st* connection, int type);
}

namespace {

using namespace std::chrono_literals;
using namespace bide::detail;
using bide_test::certificates;
using bide_test::has;

constexpr std::uint64_t no_renegotiation = std::uint64_t{1} << 30;
const ssl_st* last_seen = nullptr;

// The stream below: on its other end is a TLS client without sockets, which answers at once.
class pretended_socket final : public stream_core {
public:
    explicit pretended_socket(bide::tls_context client)
        : stream_core(bide::get_running_loop().state()), context_(std::move(client)) {
        ::SSL_CTX_set_info_callback(context_.state().native.get(),
                                    [](const ssl_st* seen, int, int) { last_seen = seen; });
        peer_.emplace(context_.state(), "localhost");
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_), 0);
        static_cast<void>(peer_->handshake(to_us_));
    }
    ~pretended_socket() override {
        ::close(fds_[0]);
        ::close(fds_[1]);
    }

    bide::coro<std::size_t> receive(std::string& into, std::size_t) override {
        received_when_closed = received_when_closed || (above != nullptr && above->closing());
        const std::size_t count = to_us_.size();
        into += std::exchange(to_us_, {});
        co_return count;
    }
    void send(std::string_view bytes) override {
        sent_ += bytes.size();
        peer_->input().text().append(bytes);
        if (above == nullptr) static_cast<void>(peer_->handshake(to_us_));
        if (watcher != nullptr) watcher->unsent_changed();
    }
    void send_eof() override {}
    [[nodiscard]] bool can_send_eof() const noexcept override { return true; }
    void close() override { abort(); }
    void abort() noexcept override {
        loop_->loop->forget(fds_[0]);
        set_closed(nullptr);
    }
    [[nodiscard]] std::size_t unsent() const noexcept override { return sent_; }
    [[nodiscard]] std::string extra_info(std::string_view) const override { return {}; }
    [[nodiscard]] int descriptor() const noexcept override { return fds_[0]; }

    // Its peer wants to begin anew, which is answered with an alert, and says nothing else.
    void renegotiate() {
        auto* const connection = const_cast<ssl_st*>(last_seen);
        static_cast<void>(::SSL_clear_options(connection, no_renegotiation));
        EXPECT_EQ(::SSL_renegotiate(connection), 1);
        static_cast<void>(peer_->write("later", to_us_));
        EXPECT_FALSE(to_us_.empty());
    }

    // Its peer asks for new keys again and again, then says `text`.
    void ask_for_keys(int times, std::string_view text) {
        constexpr int requested = 1;
        for (int i = 0; i < times; ++i) {
            EXPECT_EQ(::SSL_key_update(const_cast<ssl_st*>(last_seen), requested), 1);
            EXPECT_EQ(peer_->handshake(to_us_), tls_status::done);
        }
        if (!text.empty()) { EXPECT_EQ(peer_->write(text, to_us_), tls_status::done); }
    }

    stream_core* above = nullptr;
    bool received_when_closed = false;

private:
    void destroy() noexcept override { delete this; }

    bide::tls_context context_;
    std::optional<tls_engine> peer_;
    std::string to_us_;
    std::size_t sent_ = 0;
    int fds_[2]{-1, -1};
};

struct closes_when_paused final : stream_sink {
    explicit closes_when_paused(stream_core& of) : stream(of) {}
    std::span<char> room() override { return {}; }
    void received(std::string_view) override {}
    void receive_ended(std::exception_ptr) override {}
    void on_paused() override {
        paused = true;
        stream.close();
    }
    void on_resumed() override {}
    void stream_closed() noexcept override {}

    stream_core& stream;
    bool paused = false;
};

// From then on it listens for the end by itself: two that receive from one socket would put what comes in disorder.
BIDE_TEST(tls_stream, does_not_receive_when_the_answer_of_a_read_closes_it) {
    std::string bytes;
    auto* const socket =
        new pretended_socket(certificates::get().client().maximum_version(bide::tls_version::tls1_2));
    const stream_ref lower(socket);
    auto securing = start_tls_over(lower, certificates::get().server(), tls_side::server, {}, {}, 60s, 30s);
    const stream_ref upper = co_await std::move(securing);
    socket->above = upper.get();
    closes_when_paused sink(*upper);
    upper->set_water_marks({.high = upper->unsent(), .low = 0});
    upper->set_sink(&sink);
    socket->renegotiate();
    auto receiving = upper->receive(bytes, 100);
    const std::size_t count = co_await std::move(receiving);
    EXPECT_EQ(count, 0U);
    EXPECT_TRUE(sink.paused);
    EXPECT_FALSE(socket->received_when_closed);
    upper->set_sink(nullptr);
    upper->abort();
}

// How often the peer asked before it was refused, `times` in each receive.
bide::coro<int> questions_until_refused(int times, std::string_view data, std::string& refusal) {
    int asked = 0;
    auto* const socket = new pretended_socket(certificates::get().client());
    const stream_ref lower(socket);
    auto securing = start_tls_over(lower, certificates::get().server(), tls_side::server, {}, {}, 60s, 30s);
    const stream_ref upper = co_await std::move(securing);
    socket->above = upper.get();
    for (; refusal.empty() && asked < 10'000; asked += times) {
        socket->ask_for_keys(times, data);
        std::string bytes;
        try {
            auto receiving = upper->receive(bytes, 100);
            static_cast<void>(co_await std::move(receiving));
            EXPECT_EQ(bytes, data);
        } catch (const std::system_error& error) {
            EXPECT_EQ(error.code(), bide::tls_errc::protocol);
            refusal = error.what();
        }
    }
    upper->abort();
    co_return asked;
}

// Nobody else would get a turn while it goes on.
BIDE_TEST(tls_stream, ends_a_peer_that_changes_keys_and_says_nothing) {
    std::string refusal;
    const int asked = co_await questions_until_refused(6'000, {}, refusal);
    EXPECT_EQ(asked, 6'000);
    EXPECT_TRUE(has(refusal, "bytes of TLS without any data"));
}

// The answers would fill the memory: what is below counts all that it was given as unsent.
BIDE_TEST(tls_stream, ends_a_peer_that_asks_for_keys_and_takes_no_answer) {
    std::string refusal;
    const int asked = co_await questions_until_refused(100, "data", refusal);
    EXPECT_LE(asked, 3'000);
    EXPECT_TRUE(has(refusal, "does not take the answers"));
}

}  // namespace

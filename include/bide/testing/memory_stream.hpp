// bide/testing: two connected ends of a stream in memory, with splits, delays and failures on demand.
#pragma once

#include <bide/stream.hpp>
#include <bide/time.hpp>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace bide::testing {

namespace detail {
struct memory_wires;  // src/testing/memory_end.hpp
}

/// What one end of a memory stream is like: how bytes arrive there, and where it fails.
class memory_options {
public:
    /// Bytes that are on their way to this end, or have arrived and were not fetched; the other end's writer buffers
    /// what does not fit. At least 1. Default: 64 KiB.
    memory_options& capacity(std::size_t bytes) noexcept {
        capacity_ = bytes == 0 ? 1 : bytes;
        return *this;
    }
    /// Bytes arrive in pieces of these sizes, over and over; no read gets more than one piece. `pieces(1)`: byte by byte.
    /// Sizes of 0 count as 1. Default: all that is there.
    memory_options& pieces(std::vector<std::size_t> sizes) {
        pieces_ = std::move(sizes);
        return *this;
    }
    memory_options& pieces(std::size_t each) { return pieces(std::vector<std::size_t>(1, each)); }
    /// Each piece arrives this long after the one before it, on the loop's clock. Default: none.
    memory_options& delay(duration each) noexcept {
        delay_ = each;
        return *this;
    }
    /// The connection fails where this end would receive (send) the byte with that number, counted from 0.
    memory_options& fail_receiving_at(std::size_t byte, int error = ECONNRESET) noexcept {
        fail_receiving_ = byte;
        receiving_error_ = error;
        return *this;
    }
    memory_options& fail_sending_at(std::size_t byte, int error = EPIPE) noexcept {
        fail_sending_ = byte;
        sending_error_ = error;
        return *this;
    }
    /// Whether write_eof() works. Default: true; false as in TLS.
    memory_options& half_close(bool on) noexcept {
        half_close_ = on;
        return *this;
    }
    /// Of the reader. Default: 64 KiB.
    memory_options& limit(std::size_t bytes) noexcept {
        limit_ = bytes;
        return *this;
    }

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] const std::vector<std::size_t>& pieces() const noexcept { return pieces_; }
    [[nodiscard]] duration delay() const noexcept { return delay_; }
    [[nodiscard]] std::optional<std::size_t> fail_receiving_at() const noexcept { return fail_receiving_; }
    [[nodiscard]] std::optional<std::size_t> fail_sending_at() const noexcept { return fail_sending_; }
    [[nodiscard]] int receiving_error() const noexcept { return receiving_error_; }
    [[nodiscard]] int sending_error() const noexcept { return sending_error_; }
    [[nodiscard]] bool half_close() const noexcept { return half_close_; }
    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

private:
    std::size_t capacity_ = 64 * 1024;
    std::vector<std::size_t> pieces_;
    duration delay_{};
    std::optional<std::size_t> fail_receiving_;
    std::optional<std::size_t> fail_sending_;
    int receiving_error_ = ECONNRESET;
    int sending_error_ = EPIPE;
    bool half_close_ = true;
    std::size_t limit_ = default_stream_limit;
};

/// The hand on the wire between two ends; a shared handle. Threads: the loop's.
class memory_link {
public:
    explicit memory_link(std::shared_ptr<detail::memory_wires> wires) noexcept : wires_(std::move(wires)) {}

    /// Cuts the connection: what is on its way is lost, reads and writes on both ends fail with ECONNRESET.
    void reset() const;
    /// Nothing arrives any more, in neither direction, until release(); nobody is told.
    void hold() const;
    void release() const;
    /// Bytes that are on their way to the first (second) end or have arrived there and were not fetched.
    [[nodiscard]] std::size_t on_way_to_first() const noexcept;
    [[nodiscard]] std::size_t on_way_to_second() const noexcept;

private:
    std::shared_ptr<detail::memory_wires> wires_;
};

/// What memory_streams() gives.
class memory_pair {
public:
    memory_pair(connection one, connection two, memory_link between) noexcept
        : first(std::move(one)), second(std::move(two)), link(std::move(between)) {}

    connection first;
    connection second;
    memory_link link;
};

/// Two connected ends of a stream without an operating system: what is written to one is read from the other. They keep
/// every rule that streams keep. As with TCP, an end that closes with bytes unread resets the other one, and an end that
/// writes to one that has closed learns it a turn later.
/// Throws: invalid_state_error without a running loop. Threads: the loop's. Python: none.
[[nodiscard]] memory_pair memory_streams(memory_options both = {});
[[nodiscard]] memory_pair memory_streams(memory_options first, memory_options second);

}  // namespace bide::testing

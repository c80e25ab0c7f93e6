// bide/testing: proves that something that claims to be a stream keeps every rule of streams.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/base/move_only_function.hpp>
#include <bide/stream.hpp>
#include <bide/testing/run_test.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bide::testing {

/// What a kind of stream can do; the rules that do not apply to it are left out.
class stream_traits {
public:
    /// Both ends read and write. Default: true.
    stream_traits& two_way(bool on) noexcept {
        two_way_ = on;
        return *this;
    }
    /// write_eof() ends one direction only. Default: true; false for TLS. Of no meaning in a stream of one direction.
    stream_traits& half_close(bool on) noexcept {
        half_close_ = on;
        return *this;
    }

    [[nodiscard]] bool two_way() const noexcept { return two_way_; }
    [[nodiscard]] bool half_close() const noexcept { return half_close_; }

private:
    bool two_way_ = true;
    bool half_close_ = true;
};

/// Two connected ends. Readers with the default limit of 64 KiB, writers with the default water marks.
class stream_pair {
public:
    stream_pair(connection one, connection other)
        : near_writer(std::move(one.writer)),
          far_reader(std::move(other.reader)),
          near_reader(std::move(one.reader)),
          far_writer(std::move(other.writer)) {}
    /// Of one direction.
    stream_pair(stream_writer writer, stream_reader reader)
        : near_writer(std::move(writer)), far_reader(std::move(reader)) {}

    stream_writer near_writer;
    std::optional<stream_reader> far_reader;
    std::optional<stream_reader> near_reader;
    std::optional<stream_writer> far_writer;
    std::shared_ptr<void> keep;  ///< whatever has to live as long
};

using stream_factory = bide::move_only_function<coro<stream_pair>()>;

/// The names of the rules that apply, in the order of the pages that state them.
[[nodiscard]] std::vector<std::string> stream_rules(const stream_traits& traits = {});

/// Proves one rule, on a pair that `make` gives; in virtual time unless the options say otherwise.
/// Throws: test_failure, which says what was broken; std::invalid_argument when there is no such rule.
void check_stream_rule(const std::string& rule, stream_factory make, const stream_traits& traits = {},
                       const test_options& options = {});

/// Proves all that apply. Throws: one test_failure with everything that was broken.
void check_stream(stream_factory make, const stream_traits& traits = {}, const test_options& options = {});

}  // namespace bide::testing

// bide/fuzz: a stream_reader under arbitrary splits, limits and reads, against a model that has all bytes at once.
#include <bide/as_result.hpp>
#include <bide/error.hpp>
#include <bide/run.hpp>
#include <bide/sleep.hpp>
#include <bide/stream.hpp>
#include <bide/task.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace {

// Takes the input apart: numbers from its front, the bytes of the stream are what is left.
class input {
public:
    input(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}
    std::uint8_t byte() { return at_ == end_ ? std::uint8_t{0} : *at_++; }
    std::size_t up_to(std::size_t most) { return byte() % (most + 1); }
    [[nodiscard]] std::string rest() const { return std::string(at_, end_); }

private:
    const std::uint8_t* at_;
    const std::uint8_t* end_;
};

void check(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "stream_reader_fuzz: %s\n", what);
    std::abort();
}

// What a read must give: bytes, or a failure and what is left then.
struct expectation {
    std::string bytes;
    bool fails = false;
};

// The model: everything that will come, and the position. `whole` where the result does not depend on the splits.
class model {
public:
    model(std::string all, std::size_t limit) : all_(std::move(all)), limit_(limit) {}

    [[nodiscard]] std::string left() const { return all_.substr(at_); }
    void skip(std::size_t count) { at_ += count; }

    expectation exactly(std::size_t count) {
        const bool fails = all_.size() - at_ < count;
        return take(fails ? all_.size() - at_ : count, fails);
    }

    // Empty when the limit is met: how much is read then depends on the splits.
    std::optional<expectation> until(const std::vector<std::string>& separators) {
        std::size_t end = std::string::npos;
        std::size_t start = 0;
        std::size_t longest = 0;
        for (const std::string& each : separators) {
            longest = std::max(longest, each.size());
            const std::size_t found = all_.find(each, at_);
            if (found != std::string::npos && found + each.size() < end) {
                end = found + each.size();
                start = found;
            }
        }
        const bool none = end == std::string::npos;
        const std::size_t before = (none ? all_.size() : start) - at_;
        if (before > limit_ && (!none || before >= longest)) {
            if (!none || before + 1 - longest > limit_) return std::nullopt;
        }
        return take((none ? all_.size() : end) - at_, none);
    }

private:
    expectation take(std::size_t count, bool fails) {
        expectation wanted{all_.substr(at_, count), fails};
        at_ += count;
        return wanted;
    }

    std::string all_;
    std::size_t limit_;
    std::size_t at_ = 0;
};

bide::coro<void> feed(bide::stream_reader reader, std::string bytes, std::vector<std::size_t> sizes) {
    std::size_t next = 0;
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t size = std::min(sizes[next++ % sizes.size()] + 1, bytes.size() - at);
        reader.feed_data(std::string_view(bytes).substr(at, size));
        at += size;
        if (next % 3 != 0) co_await bide::sleep(std::chrono::seconds(0));
    }
    reader.feed_eof();
}

// The text of a partial read, and whether the read failed; nothing when it was the limit.
template <class T>
std::optional<expectation> outcome(const bide::result<T>& got) {
    if (got) return expectation{*got, false};
    try {
        std::rethrow_exception(got.exception());
    } catch (const bide::incomplete_read_error& e) {
        return expectation{e.partial(), true};
    } catch (const bide::limit_overrun_error&) { return std::nullopt; }
}

bide::coro<void> compare(bide::stream_reader reader, input from, model wanted) {
    const std::array<std::string, 5> words{"\n", "ab", "aab", "abc", "\r\n"};
    for (int round = 0; round < 64 && !reader.at_eof(); ++round) {
        switch (from.up_to(4)) {
            case 0: {
                const std::size_t most = from.up_to(9);
                const std::string got = co_await reader.read(most);
                check(got.size() <= most, "read gave too much");
                check(wanted.left().substr(0, got.size()) == got, "read gave other bytes");
                wanted.skip(got.size());
                break;
            }
            case 1: {
                const std::size_t count = from.up_to(9);
                const auto got = co_await bide::as_result(reader.readexactly(count));
                const auto seen = outcome(got);
                const expectation want = wanted.exactly(count);
                check(seen && seen->bytes == want.bytes && seen->fails == want.fails, "readexactly");
                break;
            }
            case 2: {
                std::vector<std::string> separators;
                const std::size_t which = from.byte();
                for (std::size_t i = 0; i < words.size(); ++i) {
                    if ((which >> i & 1U) != 0) separators.push_back(words[i]);
                }
                if (separators.empty()) break;
                const auto got = co_await bide::as_result(reader.readuntil(separators));
                const auto seen = outcome(got);
                model before = wanted;
                const auto want = wanted.until(separators);
                check(seen.has_value() == want.has_value(), "readuntil and the limit");
                if (!seen) {
                    wanted = before;  // the bytes stay
                } else {
                    check(seen->bytes == want->bytes && seen->fails == want->fails, "readuntil");
                }
                break;
            }
            case 3: {
                const std::vector<std::string> newline(1, "\n");
                const auto got = co_await bide::as_result(reader.readline());
                const auto want = wanted.until(newline);
                if (!got) co_return;  // over the limit: what is dropped depends on the splits
                check(want && *got == want->bytes, "readline");
                break;
            }
            default: {
                const std::string_view got = co_await reader.read_view(from.up_to(9));
                check(wanted.left().substr(0, got.size()) == got, "read_view gave other bytes");
                wanted.skip(got.size());
                break;
            }
        }
    }
    const std::string rest = co_await reader.read();
    check(rest == wanted.left(), "what is left");
}

bide::coro<void> one_run(input from) {
    const std::uint8_t choice = from.byte();
    const std::size_t limit = choice < 128 ? choice % 16 + 1U : bide::default_stream_limit;
    std::vector<std::size_t> sizes;
    for (std::size_t i = from.up_to(3) + 1; i != 0; --i) sizes.push_back(from.up_to(7));
    std::array<std::uint8_t, 64> choices{};
    for (std::uint8_t& each : choices) each = from.byte();
    const bide::stream_reader reader(limit);
    const std::string bytes = from.rest();
    auto feeding = bide::create_task(feed(reader, bytes, sizes));
    auto comparing = compare(reader, input(choices.data(), choices.size()), model(bytes, limit));
    co_await std::move(comparing);
    co_await feeding;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static bide::runner runs;
    runs.run(one_run(input(data, size)));
    return 0;
}

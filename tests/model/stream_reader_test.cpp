// bide/model: readers against asyncio's algorithm, through random sequences of bytes, ends and reads.
// bide-test: no-shuffle
#include <bide/stream.hpp>

#include <algorithm>
#include <optional>
#include <random>
#include <sstream>

#include "support/async_test.hpp"

namespace {

using bide::stream_reader;
using std::size_t;

/// What one read asks for.
struct wish {
    enum class kind { some, all, exactly, line, until } what;
    size_t count = 0;
    std::vector<std::string> separators;
};

/// asyncio's StreamReader, as Python 3.13 has it: a read looks at its buffer after each change of it.
class model_reader {
public:
    explicit model_reader(size_t limit) : limit_(limit) {}
    void feed(const std::string& data) { buffer_ += data; }
    void feed_eof() { eof_ = true; }
    [[nodiscard]] bool at_eof() const { return eof_ && buffer_.empty(); }
    /// A read begins; then look() until it gives something.
    void begin() { offset_ = 0; }
    std::optional<std::string> look(const wish& read) {
        switch (read.what) {
            case wish::kind::some:
                if (read.count != 0 && buffer_.empty() && !eof_) return {};
                return "ok " + take(std::min(read.count, buffer_.size()));
            case wish::kind::all:
                if (!eof_) return {};
                return "ok " + take(buffer_.size());
            case wish::kind::exactly:
                if (buffer_.size() >= read.count) return "ok " + take(read.count);
                if (!eof_) return {};
                return "incomplete " + std::to_string(read.count) + " " + take(buffer_.size());
            case wish::kind::until: return until(read.separators);
            case wish::kind::line: break;
        }
        return line();
    }

private:
    std::string take(size_t count) {
        std::string taken = buffer_.substr(0, count);
        buffer_.erase(0, count);
        return taken;
    }
    std::optional<std::string> until(std::vector<std::string> separators) {
        const auto shorter = [](const std::string& a, const std::string& b) { return a.size() < b.size(); };
        std::sort(separators.begin(), separators.end(), shorter);
        const size_t longest = separators.back().size();
        if (buffer_.size() - offset_ >= separators.front().size()) {
            size_t start = 0;
            size_t end = std::string::npos;
            for (const std::string& each : separators) {
                const size_t at = buffer_.find(each, offset_);
                if (at == std::string::npos || at + each.size() >= end) continue;
                start = at;
                end = at + each.size();
            }
            if (end != std::string::npos) {
                if (start > limit_) return "overrun " + std::to_string(start);
                return "ok " + take(end);
            }
            offset_ = buffer_.size() + 1 < longest ? 0 : buffer_.size() + 1 - longest;
            if (offset_ > limit_) return "overrun " + std::to_string(offset_);
        }
        if (!eof_) return {};
        return "incomplete none " + take(buffer_.size());
    }
    std::optional<std::string> line() {
        const size_t before = buffer_.size();
        const auto found = until({"\n"});
        if (!found || found->starts_with("ok ")) return found;
        if (found->starts_with("incomplete")) return "ok " + found->substr(16);
        const size_t consumed = std::stoul(found->substr(8));
        take(consumed < before && buffer_[consumed] == '\n' ? consumed + 1 : before);
        return "overrun";
    }

    size_t limit_;
    std::string buffer_;
    bool eof_ = false;
    size_t offset_ = 0;
};

bide::coro<std::string> read_from(stream_reader reader, wish read) {
    std::string text;
    try {
        switch (read.what) {
            case wish::kind::some: text = co_await reader.read(read.count); break;
            case wish::kind::all: text = co_await reader.read(); break;
            case wish::kind::exactly: text = co_await reader.readexactly(read.count); break;
            case wish::kind::line: text = co_await reader.readline(); break;
            case wish::kind::until: text = co_await reader.readuntil(read.separators); break;
        }
        text.insert(0, "ok ");
    } catch (const bide::incomplete_read_error& error) {
        const auto expected = error.expected();
        text = "incomplete " + (expected ? std::to_string(*expected) : "none") + " " + error.partial();
    } catch (const bide::limit_overrun_error& error) {
        text = read.what == wish::kind::line ? "overrun" : "overrun " + std::to_string(error.consumed());
    }
    co_return text;
}

class dice {
public:
    explicit dice(unsigned seed) : random_(seed) {}
    size_t below(size_t end) { return random_() % end; }
    std::string text(size_t longest) {
        std::string made(below(longest + 1), ' ');
        for (char& each : made) each = "aaabbc\n"[below(7)];
        return made;
    }
    wish read(size_t limit) {
        wish made{static_cast<wish::kind>(below(5)), below(2 * limit + 2), {}};
        for (size_t i = 1 + below(3); i > 0; --i) {
            std::string separator = text(4);
            made.separators.push_back(separator.empty() ? "ab" : separator);
        }
        return made;
    }

private:
    std::minstd_rand random_;
};

BIDE_TEST(stream_reader_model, gives_what_asyncio_gives) {
    dice random(20240923);
    size_t results = 0;
    for (size_t round = 0; round < 4000 && !testing::Test::HasFailure(); ++round) {
        const size_t limit = 1 + random.below(9);
        stream_reader reader(limit);
        model_reader model(limit);
        std::ostringstream story;
        story << "limit " << limit;
        for (size_t reads = 0; reads < 8 && !testing::Test::HasFailure(); ++reads) {
            const wish read = random.read(limit);
            story << "; read " << static_cast<int>(read.what) << " " << read.count;
            for (const std::string& each : read.separators) story << " '" << each << "'";
            auto task = bide::create_task(read_from(reader, read));
            model.begin();
            std::optional<std::string> expected = model.look(read);
            for (size_t feeds = 0;; ++feeds) {
                for (int turn = 0; turn < 3; ++turn) co_await bide::sleep(std::chrono::seconds(0));
                EXPECT_EQ(task.done(), expected.has_value()) << story.str();
                if (expected || testing::Test::HasFailure()) break;
                if (feeds == 6) {
                    story << "; end";
                    reader.feed_eof();
                    model.feed_eof();
                } else {
                    const std::string data = random.text(2 * limit + 1);
                    story << "; feed '" << data << "'";
                    reader.feed_data(data);
                    model.feed(data);
                }
                expected = model.look(read);
            }
            if (!task.done()) break;
            const std::string got = co_await task;
            EXPECT_EQ(got, *expected) << story.str();
            EXPECT_EQ(reader.at_eof(), model.at_eof()) << story.str();
            ++results;
        }
    }
    EXPECT_GT(results, 10000U);
}

}  // namespace

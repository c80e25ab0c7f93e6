// bide/os: random walks: whatever is done in whatever order, each connection's bytes come once, in order, and to it.
// BIDE_SEED=<number> adds a walk.
// bide-test: no-shuffle
#include "os/backend_support.hpp"

#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <list>
#include <random>

#include "os/sockets.hpp"

namespace os_tests {

namespace {

constexpr int walks = 200;
constexpr int steps = 250;
constexpr std::size_t connections = 3;

class connection {
public:
    connection(unsigned id, bool tcp, bool nonblocking)
        : pair_(tcp ? make_tcp_pair(nonblocking) : make_sockets(nonblocking)),
          fd_(pair_.a.get()),
          id_(id),
          tcp_(tcp) {
        set_nonblocking(pair_.b.get());
    }

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] bool tcp() const noexcept { return tcp_; }
    [[nodiscard]] bool open() const noexcept { return pair_.b && !shut_; }
    [[nodiscard]] bool ended() const noexcept { return ended_; }

    // Some of them have no room.
    bool write(std::size_t count) {
        std::string text(count, '\0');
        for (std::size_t i = 0; i < count; ++i) text[i] = byte_at(sent_ + i);
        const auto written = ::write(pair_.b.get(), text.data(), count);
        if (written > 0) sent_ += static_cast<std::size_t>(written);
        return written > 0;
    }
    void shut_down() {
        ::shutdown(pair_.b.get(), SHUT_WR);
        shut_ = true;
    }
    void reset() {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        if (tcp_) {
            ::setsockopt(pair_.b.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        } else if (::write(fd_, "unread", 6) != 6) {
            return;
        }
        pair_.b.reset();
        reset_ = true;
    }
    // The number belongs to the other one from now on.
    void replace_by(connection& other) {
        EXPECT_EQ(::dup2(other.fd_, fd_), fd_);
        std::swap(pair_.a, other.pair_.a);
        std::swap(fd_, other.fd_);
    }
    [[nodiscard]] int in_socket() const {
        int count = -1;
        ::ioctl(fd_, FIONREAD, &count);
        return count;
    }

    void received(const char* bytes, std::size_t count) {
        EXPECT_FALSE(ended_) << "bytes behind the end of " << id_;
        ASSERT_LE(got_ + count, sent_) << "connection " << id_ << " has got more than was sent";
        for (std::size_t i = 0; i < count; ++i) {
            ASSERT_EQ(bytes[i], byte_at(got_ + i)) << "connection " << id_ << ", byte " << got_ + i;
        }
        got_ += count;
    }
    // Of any receive.
    void was_told(std::ptrdiff_t result) {
        if (result == 0) {
            EXPECT_TRUE(shut_ || error_seen_) << "connection " << id_ << " ends before its peer";
            if (!reset_) { EXPECT_EQ(got_, sent_) << "connection " << id_ << " ends too early"; }
            ended_ = true;
        } else if (result == -ECONNRESET || (result == -EPIPE && shut_)) {
            EXPECT_TRUE(reset_) << "connection " << id_;
            EXPECT_FALSE(error_seen_) << "connection " << id_ << " has been reset twice";
            error_seen_ = true;
        } else {
            EXPECT_GT(result, 0) << "connection " << id_;
        }
    }
    void expect_complete() const {
        EXPECT_TRUE(ended_);
        if (!reset_) { EXPECT_EQ(got_, sent_); }
        if (reset_ && !shut_) { EXPECT_TRUE(error_seen_) << "connection " << id_ << ": the reset got lost"; }
    }

private:
    [[nodiscard]] char byte_at(std::size_t position) const noexcept {
        return static_cast<char>(((position + id_) * 2'654'435'761U) >> 13U);
    }

    fd_pair pair_;  // `a` receives
    int fd_;
    unsigned id_;
    bool tcp_;
    std::size_t sent_ = 0;
    std::size_t got_ = 0;
    bool shut_ = false;
    bool reset_ = false;
    bool ended_ = false;
    bool error_seen_ = false;
};

// An operation in flight.
struct attempt {
    attempt(std::shared_ptr<connection> from, const op_kind& kind, std::size_t size)
        : of(std::move(from)), node(kind, {.fd = of->fd(), .size = size}) {}

    std::shared_ptr<connection> of;
    op_node node;
    bool cancelled = false;
    bool forgotten = false;
};

// What a place of the walk is doing: at most one operation at a time.
struct place {
    std::shared_ptr<connection> now;
    attempt* waiting = nullptr;
};

// Memory on loan, and what must stay in it.
struct loan {
    void* data;
    std::string content;
    int left;
};

class walk {
public:
    walk(const variant& v, std::uint64_t seed) : on_(v), random_(seed) {
        if (below(4) == 0) static_cast<void>(on_.os->descriptor());
        for (place& each : places_) each.now = next_connection();
        if (below(10) == 0) borrow(1000 + below(24));
    }

    void run() {
        for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) step(places_[below(connections)]);
        for (place& each : places_) finish(each);
        for (loan& each : loans_) give_back(each);
        for (int i = 0; i < 4 && on_.os->in_flight() != 0; ++i) poll();
        EXPECT_EQ(on_.os->in_flight(), 0U);
        EXPECT_TRUE(attempts_.empty());
    }
    // None of the memory is lost.
    void expect_all_memory() {
        constexpr std::size_t all = 1024;
        loans_.clear();
        borrow(1);
        if (loans_.empty()) return;  // this kernel's rings, or this form, lend nothing
        borrow(all - 1);
        EXPECT_EQ(loans_.size(), all);
        for (loan& each : loans_) give_back(each);
    }

private:
    std::size_t below(std::size_t limit) { return random_() % limit; }
    std::size_t one_of(std::initializer_list<std::size_t> these) {
        return *(these.begin() + below(these.size()));
    }

    std::shared_ptr<connection> next_connection() {
        const bool tcp = below(3) == 0;
        const bool nonblocking = below(2) == 0;
        return std::make_shared<connection>(++made_, tcp, nonblocking);
    }

    void step(place& at) {
        switch (below(16)) {
            case 0:
            case 1:
            case 2: return write(at, one_of({1, 5, 100, 400}));
            case 3: return write(at, one_of({512, 513, 1500}));
            case 4: return write(at, 1 + below(20 * 1024));
            case 5:
            case 6: return submit(at, true);
            case 7: return submit(at, false);
            case 8:
                if (at.waiting != nullptr) cancel(*at.waiting);
                return;
            case 9:
            case 10:
            case 11: return poll();
            case 12: return receive_now(at, one_of({1, 7, 300, 512, 4096, 70'000}));
            case 13: static_cast<void>(on_.os->flush()); return;
            case 14:
                if (below(3) == 0) replace(at);
                return;
            default:
                if (!at.now->open() || below(4) != 0) return;
                return below(2) == 0 ? at.now->shut_down() : at.now->reset();
        }
    }

    void write(place& at, std::size_t count) {
        if (!at.now->open()) return;
        at.now->write(count);
        if (at.waiting == nullptr && !at.now->tcp() && below(4) == 0) expect_left_alone(at);
    }
    // What comes for somebody who does not ask may be received once.
    void expect_left_alone(const place& at) {
        poll();
        poll();
        const int before = at.now->in_socket();
        if (!at.now->write(1)) return;
        poll();
        poll();
        EXPECT_GT(at.now->in_socket(), before) << "something is received again and again";
    }
    void submit(place& at, bool lent) {
        if (at.waiting != nullptr) return;
        const op_kind& kind = lent ? recv_lent_op : recv_wait_op;
        const std::size_t size = lent ? one_of({1, 3, 100, lent_size - 1, lent_size, lent_size}) : 0;
        attempt& made = attempts_.emplace_back(at.now, kind, size);
        at.waiting = &made;
        on_.os->submit(made.node);
    }
    void cancel(attempt& which) {
        which.cancelled = true;
        on_.os->cancel(which.node);
    }
    void receive_now(place& at, std::size_t size) {
        if (at.waiting != nullptr) return;
        std::string into(size, '\0');
        const std::ptrdiff_t count = on_.os->receive_now(at.now->fd(), into.data(), size);
        if (count == -EAGAIN) return;
        at.now->was_told(count);
        if (count > 0) at.now->received(into.data(), static_cast<std::size_t>(count));
    }
    void replace(place& at) {
        const std::shared_ptr<connection> before = std::exchange(at.now, next_connection());
        on_.os->forget(before->fd());
        before->replace_by(*at.now);
        if (at.waiting != nullptr) at.waiting->forgotten = true;
        at.waiting = nullptr;
        if (below(2) == 0) at.now->write(1 + below(2000));
    }

    void poll() {
        on_.handed_over.clear();
        on_.poll_for(0);
        for (const ready_node* each : on_.handed_over) came_back(each);
        for (loan& each : loans_) {
            if (each.left > 0 && --each.left == 0) give_back(each);
        }
        std::erase_if(loans_, [](const loan& each) { return each.data == nullptr; });
    }
    void came_back(const ready_node* node) {
        const auto found = std::find_if(attempts_.begin(), attempts_.end(),
                                        [node](const attempt& each) { return &each.node == node; });
        ASSERT_NE(found, attempts_.end()) << "a node came back twice";
        for (place& each : places_) {
            if (each.waiting == &*found) each.waiting = nullptr;
        }
        take(*found);
        attempts_.erase(found);
    }
    void take(attempt& done) {
        const int result = done.node.result();
        op_args& args = done.node.operation.args;
        if (result <= 0) { EXPECT_EQ(args.data, nullptr); }
        if (result == -ECANCELED) {
            EXPECT_TRUE(done.cancelled || done.forgotten);
            return;
        }
        done.of->was_told(result);
        if (result <= 0) return;
        if (args.data == nullptr) {
            if (!done.forgotten) { EXPECT_NE(something_to_receive(*done.of), -EAGAIN); }
            return;
        }
        ASSERT_LE(static_cast<std::size_t>(result), args.size);
        const auto* const bytes = static_cast<const char*>(args.data);
        done.of->received(bytes, static_cast<std::size_t>(result));
        loans_.push_back({args.data, std::string(bytes, static_cast<std::size_t>(result)),
                          static_cast<int>(below(2) == 0 ? 0 : below(30)) + 1});
    }
    std::ptrdiff_t something_to_receive(connection& of) {
        char into[64];
        const std::ptrdiff_t count = on_.os->receive_now(of.fd(), into, 1 + below(sizeof into));
        of.was_told(count);
        if (count > 0) of.received(into, static_cast<std::size_t>(count));
        return count;
    }
    void give_back(loan& which) const {
        EXPECT_EQ(std::memcmp(which.data, which.content.data(), which.content.size()), 0)
            << "the memory was used again before it was given back";
        on_.os->give_back(std::exchange(which.data, nullptr));
    }

    // Until it has its end.
    void finish(place& at) {
        if (at.now->open()) at.now->shut_down();
        const std::int64_t limit = on_.os->now() + 20 * one_s;
        for (int i = 0; !at.now->ended() && !::testing::Test::HasFailure(); ++i) {
            ASSERT_LT(on_.os->now(), limit) << "no end comes";
            if (at.waiting == nullptr && i % 3 == 0) receive_now(at, 1000);
            submit(at, i % 4 != 0);
            poll();
        }
        for (int i = 0; at.waiting != nullptr; ++i) {
            if (i == 0) cancel(*at.waiting);
            poll();
            ASSERT_LT(on_.os->now(), limit) << "an operation does not come back";
        }
        if (!::testing::Test::HasFailure()) at.now->expect_complete();
    }

    // For the rest of the walk.
    void borrow(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            if (::write(lender_.b.get(), "x", 1) != 1) return;
            op_node node(recv_lent_op, {.fd = lender_.a.get(), .size = lent_size});
            on_.os->submit(node);
            while (!has_come_back(node)) {}
            if (void* const data = node.operation.args.data) {
                loans_.push_back({data, "x", 0});
            } else {
                drain(lender_.a.get());
            }
        }
    }
    bool has_come_back(const op_node& node) {
        on_.handed_over.clear();
        on_.poll_for(0);
        for (const ready_node* each : on_.handed_over) {
            if (each != &node) came_back(each);
        }
        return on_.has(node);
    }

    rig on_;
    std::mt19937_64 random_;
    fd_pair lender_ = make_sockets();
    unsigned made_ = 0;
    std::array<place, connections> places_;
    std::list<attempt> attempts_;
    std::vector<loan> loans_;
};

class receive_model : public ::testing::TestWithParam<variant> {
protected:
    static void take_walk(std::uint64_t seed) {
        SCOPED_TRACE("BIDE_SEED=" + std::to_string(seed));
        walk one(GetParam(), seed);
        one.run();
        if (seed % 20 == 0 && !HasFailure()) one.expect_all_memory();
    }
};

TEST_P(receive_model, every_walk_gets_all_bytes_in_order) {
    for (int seed = 1; seed <= walks && !HasFailure(); ++seed) take_walk(static_cast<std::uint64_t>(seed));
    if (const char* const text = std::getenv("BIDE_SEED")) take_walk(std::strtoull(text, nullptr, 10));
}

INSTANTIATE_TEST_SUITE_P(backends, receive_model, ::testing::ValuesIn(variants()),
                         [](const auto& of) { return of.param.name; });

}  // namespace

}  // namespace os_tests

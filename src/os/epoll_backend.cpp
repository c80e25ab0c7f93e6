// bide/os: operations as attempts that are repeated when epoll(7) says that the descriptor is ready.
//
// A descriptor is registered once, edge-triggered, for both directions, at the first operation that has to wait on
// it; in steady state no epoll_ctl is called. An attempt comes first and epoll only after -EAGAIN, so no edge can be
// missed: what was ready before the registration is reported by it, and what becomes ready later is a new edge.
//
// Stale descriptors. The kernel ties a registration to the open file, this backend's table to the number. When the
// last descriptor of a file is closed, the kernel drops the registration in silence, and the number may come back as
// another file that the table would call registered. Four things prevent a wait that never ends:
//   1. Whoever closes a descriptor of ours calls forget() first.
//   2. The poll operations wait on descriptors that others own, and close without a word once nobody waits. Such an
//      operation confirms the registration each time it begins to wait (EPOLL_CTL_MOD; ENOENT: register anew), which
//      also re-arms the edge; and a registration that only poll operations have used is confirmed by the first other
//      operation too, because the number may be ours by now.
//   3. An operation that makes a descriptor clears the table's entry for its number.
//   4. A registration left behind by a duplicate of a closed descriptor can only cause an extra attempt.
//
// What cannot be registered (EPERM: a file that says "try again" but has no readiness), like all operations that have
// no readiness form, runs on worker threads.
#include <bide/time.hpp>

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "os/backend.hpp"
#include "os/blocking_calls.hpp"
#include "os/fd.hpp"
#include "os/quick_clock.hpp"
#include "os/wakeup.hpp"

#include <bide/detail/base/block_pool.hpp>
#include <bide/detail/base/wait_list.hpp>

namespace bide::detail {

namespace {

struct watched {
    wait_list readers;
    wait_list writers;
    bool registered = false;
    bool ours = false;   // some operation other than poll has waited under this registration
    bool edge = false;   // readable, and no attempt has been made since: the next edge will not be the first
    bool ended = false;  // no further edge may come, or a receive may stop before it has taken everything
};

class epoll_backend final : public backend {
public:
    epoll_backend() : backend(true), epoll_(::epoll_create1(EPOLL_CLOEXEC)), blocking_(wakeup_) {
        if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
        epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = wake_mark}};
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wakeup_.fd(), &event) != 0) {
            throw std::system_error(errno, std::generic_category(), "epoll_ctl(eventfd)");
        }
    }

    void submit(timer_node& node) noexcept override {
        ++in_flight_;
        op_request& request = *node.request;
        request.state = op_state::in_flight;
        if (request.kind->waits_for == ready_for::nothing) return blocking_.start(node);
        if (request.drained && request.args.fd >= 0) {
            watched& entry = entry_for(request.args.fd);
            if (!entry.ours) return watch(node);  // what is there already is reported when it is registered
            const bool edge = std::exchange(entry.edge, false);
            if (!edge && !entry.ended) return list_of(entry, request).push_back(node);
        }
        if (attempt(node)) return;
        watch(node);
    }

    void cancel(timer_node& node) noexcept override {
        op_request& request = *node.request;
        if (request.state != op_state::in_flight) return;
        request.state = op_state::cancelling;
        if (!node.linked()) return;  // a call on a worker thread cannot be recalled
        list_of(table_[static_cast<std::size_t>(request.args.fd)], request).remove(node);
        finish(node, -ECANCELED);
    }

    void poll(std::int64_t deadline, ready_queue& done) noexcept override {
        if (!finished_.empty()) deadline = 0;
        // Without operations in flight only wake() could be found, and a caller that does not sleep needs no wake-up.
        if (deadline != 0 || in_flight_ != 0 || polled_by_others_) wait(deadline);
        in_flight_ -= std::exchange(finished_count_, 0);
        done.append(finished_);
        in_flight_ -= blocking_.collect(finished_);
        for (ready_node* node = finished_.take_all(); node != nullptr;) {
            ready_node* const following = node->next_ready;
            note_made(*static_cast<timer_node*>(node)->request);
            done.push(*node);
            node = following;
        }
    }

    void wake() noexcept override { wakeup_.signal(); }

    // An epoll descriptor is itself readable while it has events to hand out.
    [[nodiscard]] int descriptor() noexcept override {
        polled_by_others_ = true;
        return epoll_.get();
    }
    bool flush() noexcept override { return !finished_.empty(); }

    void forget(int fd) noexcept override {
        if (fd < 0 || static_cast<std::size_t>(fd) >= table_.size()) return;
        watched& entry = table_[static_cast<std::size_t>(fd)];
        if (!entry.registered || inherited()) return;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
        entry.registered = entry.ours = entry.edge = entry.ended = false;
        for (wait_list* list : {&entry.readers, &entry.writers}) {
            while (wait_node* node = list->pop_front()) finish(static_cast<timer_node&>(*node), -ECANCELED);
        }
    }

    void give_back(void* data) noexcept override {
        if (data != nullptr) pool_free(data, lent_size);
    }

    std::int64_t now() noexcept override { return clock_.now(); }
    [[nodiscard]] const char* name() const noexcept override { return "epoll"; }

private:
    static constexpr std::uint64_t wake_mark = ~std::uint64_t{0};
    // Few enough that what the kernel has touched to receive for a connection is still in the processor's cache when its
    // task sends: with 256, a thousand connections cost 1 to 3% more.
    static constexpr int batch = 32;
    static constexpr int batches = 8;  // of one poll that does not sleep

    void finish(timer_node& node, int result) noexcept {
        node.request->result = result;
        node.request->state = op_state::done;
        note_made(*node.request);
        ++finished_count_;  // in flight until poll() hands it over
        finished_.push(node);
    }

    // Where the result is a new descriptor, nothing that is known of its number holds.
    void note_made(const op_request& request) noexcept {
        if (request.kind->late_success != late::close_fd || request.result < 0) return;
        const auto index = static_cast<std::size_t>(request.result);
        if (index < table_.size()) table_[index].ours = table_[index].edge = table_[index].ended = false;
    }

    // Readiness needs memory only now that there may be something.
    static int attempt_once(op_request& request) noexcept {
        if (!request.kind->borrows) return request.kind->attempt(request.args);
        request.args.data = pool_allocate(lent_size);
        const int result = request.kind->attempt(request.args);
        if (result <= 0) pool_free(std::exchange(request.args.data, nullptr), lent_size);
        return result;
    }

    bool attempt(timer_node& node) noexcept {
        const int result = attempt_once(*node.request);
        if (result == -EAGAIN || result == -EWOULDBLOCK) return false;
        finish(node, result);
        return true;
    }

    watched& entry_for(int fd) {
        const auto index = static_cast<std::size_t>(fd);
        if (index >= table_.size()) table_.resize(std::max(index + 1, table_.size() * 2));
        return table_[index];
    }

    static wait_list& list_of(watched& entry, const op_request& request) noexcept {
        return request.kind->waits_for == ready_for::reading ? entry.readers : entry.writers;
    }

    void watch(timer_node& node) noexcept {
        const op_request& request = *node.request;
        watched& entry = entry_for(request.args.fd);
        const bool foreign = request.kind->foreign;
        if (foreign || !entry.ours) {
            const int error = enrol(request.args.fd, entry.registered);
            if (error == EPERM) return blocking_.start(node);
            if (error != 0) return finish(node, -error);
            entry.registered = true;
            if (!foreign) entry.ours = true;
        }
        list_of(entry, request).push_back(node);
    }

    int enrol(int fd, bool registered) noexcept {
        epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
                          .data = {.u64 = static_cast<unsigned>(fd)}};
        if (registered && ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0) return 0;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return 0;
        if (errno != EEXIST) return errno;
        return ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0 ? 0 : errno;
    }

    void wait(std::int64_t deadline) noexcept {
        int count = wait_once(deadline);
        // Where much else is ready, a turn may be long.
        for (int more = 1; deadline == 0 && count == batch && more < batches; ++more) count = wait_once(0);
    }

    int wait_once(std::int64_t deadline) noexcept {
        epoll_event events[batch];
        const int count = sleep_until(deadline, events);
        for (int i = 0; i < count; ++i) {
            if (events[i].data.u64 == wake_mark) continue;
            watched& entry = table_[events[i].data.u64];
            const bool broken = (events[i].events & (EPOLLERR | EPOLLHUP)) != 0;
            // Urgent data divides what a receive gives.
            const bool ended = broken || (events[i].events & (EPOLLRDHUP | EPOLLPRI)) != 0;
            const bool sure = (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0;
            entry.ended = entry.ended || ended;
            const bool readable = (events[i].events & EPOLLIN) != 0;
            const bool taken = (ended || readable) && retry(entry.readers, sure);
            if (readable && !taken) entry.edge = true;
            if (broken || (events[i].events & EPOLLOUT) != 0) retry(entry.writers, false);
        }
        return count;
    }

    int sleep_until(std::int64_t deadline, epoll_event* events) noexcept {
        if (deadline == 0) return ::epoll_wait(epoll_.get(), events, batch, 0);
        if (deadline == no_deadline) return ::epoll_wait(epoll_.get(), events, batch, -1);
        const std::int64_t left = time_left(deadline);
        if (precise_) {
            const timespec span{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
            const int count = ::epoll_pwait2(epoll_.get(), events, batch, &span, nullptr);
            if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
            precise_ = false;  // before Linux 5.11, or a sandbox that does not know the call
        }
        const std::int64_t ms = std::min<std::int64_t>((left + 999'999) / 1'000'000, 1'000'000'000);
        return ::epoll_wait(epoll_.get(), events, batch, static_cast<int>(ms));
    }

    // `sure`: a receive would not have to wait. Whether one of ours was there; those that others make take nothing.
    bool retry(wait_list& list, bool sure) noexcept {
        bool ours = false;
        for (wait_node* node = list.front(); node != nullptr;) {
            wait_node* const following = list.after(*node);
            auto& op = static_cast<timer_node&>(*node);
            ours = ours || !op.request->kind->foreign;
            const int result = sure && op.request->kind->ready_is_done ? 1 : attempt_once(*op.request);
            if (result != -EAGAIN && result != -EWOULDBLOCK) {
                list.remove(*node);
                finish(op, result);
            }
            node = following;
        }
        return ours;
    }

    wakeup wakeup_;
    unique_fd epoll_;
    blocking_calls blocking_;
    quick_clock clock_;
    ready_queue finished_;
    std::uint32_t finished_count_ = 0;
    std::vector<watched> table_;
    bool precise_ = true;
    bool polled_by_others_ = false;
};

}  // namespace

std::unique_ptr<backend> make_epoll_backend() {
    ignore_write_signals();
    return std::make_unique<epoll_backend>();
}

}  // namespace bide::detail

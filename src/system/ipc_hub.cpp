// bide/system: how a loop waits for other processes.
#include "system/ipc_hub.hpp"

#include <bide/detail/os/ops.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "system/ipc_block.hpp"
#include "system/system_services.hpp"

namespace bide::detail {

namespace {

using namespace std::chrono_literals;

constexpr auto before_watching = 5ms;
constexpr auto where_it_cannot_watch = 50ms;  // no descriptors are left, or the kernel has none for processes

ipc_user& user_of(ring_link& link) noexcept { return static_cast<ipc_user&>(link); }

}  // namespace

// --- one operation ---

void ipc_user::begin_anew() {
    forget_tasks();
    home_ = loop_binding();
    before = after = this;
    hub_ = nullptr;
    block().member();
}

ipc_watch::ipc_watch(ipc_hub& hub, loop_core& loop, unique_fd fd, process_key of) noexcept
    : timer_node{}, who(of), hub_(&hub), loop_(loop), fd_(std::move(fd)) {
    ops = &table;
}

void ipc_watch::start() noexcept {
    if (in_flight_) return;
    in_flight_ = true;
    operation_ = op_request{.kind = who == 0 ? &recv_op : &poll_read_op,
                            .args = {.fd = fd_.get(), .data = &byte_, .size = sizeof byte_}};
    request = &operation_;
    loop_.submit(*this);
}

void ipc_watch::stop() noexcept {
    if (in_flight_ && operation_.state == op_state::in_flight) loop_.os->cancel(*this);
}

void ipc_watch::drop() noexcept {
    hub_ = nullptr;
    if (in_flight_) {
        stop();  // goes when it has come back
    } else {
        destroy();
    }
}

void ipc_watch::destroy() noexcept {
    loop_.os->forget(fd_.get());
    delete this;
}

void ipc_watch::run(ready_node& node) {
    auto& self = static_cast<ipc_watch&>(node);
    self.in_flight_ = false;
    if (self.hub_ == nullptr) return self.destroy();
    self.hub_->came_back(self, self.operation_.result);
}

void ipc_watch::discard(ready_node& node) noexcept {
    auto& self = static_cast<ipc_watch&>(node);
    self.in_flight_ = false;
    if (self.hub_ == nullptr) self.destroy();
}

// --- the hub ---

ipc_hub::~ipc_hub() {
    while (users_.after != &users_) {
        ipc_user& user = user_of(*users_.after);
        user.unlink();
        user.loop_closes();
    }
    if (patrol_is_set_) patrol_timer_.cancel();
    for (ipc_watch* const each : peers_) each->drop();
    if (door_watch_ != nullptr) door_watch_->drop();
}

std::uint64_t ipc_hub::prepare() {
    if (door_watch_ == nullptr) {
        const int fd = sys::open_door(door_);
        if (fd < 0) throw std::system_error(-fd, std::generic_category(), "open a socket to be woken at");
        unique_fd owned(fd);
        door_watch_ = new ipc_watch(*this, loop_, std::move(owned), 0);
    }
    if (!patrol_is_set_) patrol_after(before_watching);
    return door_;
}

void ipc_hub::add(ipc_user& user) noexcept {
    user.insert_before(users_);
    door_watch_->start();
}

void ipc_hub::remove(ipc_user& user) noexcept {
    user.unlink();
    if (users_.after != &users_) return;
    if (patrol_is_set_) patrol_timer_.cancel();
    patrol_is_set_ = false;
    for (ipc_watch* const each : std::exchange(peers_, {})) each->drop();
    door_watch_->stop();
}

void ipc_hub::came_back(ipc_watch& watch, int result) {
    if (watch.who != 0) {
        const process_key who = watch.who;
        std::erase(peers_, &watch);
        watch.drop();
        if (result != -ECANCELED) ended(who);
        return;
    }
    look_at_all();
    if (users_.after != &users_) watch.start();  // also where it was stopped and somebody waits again
}

void ipc_hub::look_at_all() {
    for (ring_link* each = users_.after; each != &users_;) {
        ipc_user& user = user_of(*std::exchange(each, each->after));
        if (user.block().joined() != user.peers_known && !patrol_is_set_) patrol_after(before_watching);
        user.look();
    }
}

void ipc_hub::ended(process_key who) {
    if (sys::is_alive(who)) {  // the wait has failed
        if (!patrol_is_set_) patrol_after(where_it_cannot_watch);
        return;
    }
    for (ring_link* each = users_.after; each != &users_;) {
        ipc_user& user = user_of(*std::exchange(each, each->after));
        user.block().recover(who);
        user.look();
    }
}

bool ipc_hub::is_watched(process_key who) const noexcept {
    return std::any_of(peers_.begin(), peers_.end(), [&](const ipc_watch* each) { return each->who == who; });
}

void ipc_hub::patrol_after(std::chrono::milliseconds delay) {
    patrol_timer_ = loop_.loop->call_later(delay, [this] { patrol(); });
    patrol_is_set_ = true;
}

void ipc_hub::patrol() {
    patrol_is_set_ = false;
    bool again = false;
    std::vector<process_key> dead;
    for (ring_link* each = users_.after; each != &users_; each = each->after) {
        ipc_user& user = user_of(*each);
        user.peers_known = user.block().joined();
        user.block().each_peer([&](process_key who) {
            if (is_watched(who)) return;
            const int fd = sys::open_peer(who);
            if (fd >= 0) {
                unique_fd owned(fd);
                peers_.reserve(peers_.size() + 1);
                peers_.push_back(new ipc_watch(*this, loop_, std::move(owned), who));
                peers_.back()->start();
            } else if (fd == -ESRCH || !sys::is_alive(who)) {
                dead.push_back(who);
            } else {
                again = true;
            }
        });
    }
    for (const process_key who : dead) ended(who);
    if (again && !patrol_is_set_ && users_.after != &users_) patrol_after(where_it_cannot_watch);
}

ipc_hub& running_ipc_hub(const char* call) { return running_system_services(call).ipc; }

}  // namespace bide::detail

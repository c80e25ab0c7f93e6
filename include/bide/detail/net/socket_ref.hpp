// bide/net: a counted pointer to an open socket.
#pragma once

#include <utility>

namespace bide::detail {

class socket_core;  // src/net/socket_core.hpp

void retain_socket(socket_core& of) noexcept;
void release_socket(socket_core& of) noexcept;

class socket_ref {
public:
    socket_ref() noexcept = default;
    explicit socket_ref(socket_core* adopted) noexcept : core_(adopted) {}
    socket_ref(const socket_ref& other) noexcept : core_(other.core_) {
        if (core_ != nullptr) retain_socket(*core_);
    }
    socket_ref(socket_ref&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    socket_ref& operator=(socket_ref other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~socket_ref() {
        if (core_ != nullptr) release_socket(*core_);
    }
    socket_core* get() const noexcept { return core_; }
    socket_core* operator->() const noexcept { return core_; }
    socket_core& operator*() const noexcept { return *core_; }
    explicit operator bool() const noexcept { return core_ != nullptr; }

private:
    socket_core* core_ = nullptr;
};

}  // namespace bide::detail

// bide/net: a counted pointer to one end of a byte stream.
#pragma once

#include <utility>

namespace bide::detail {

class stream_core;  // src/net/stream_core.hpp

void retain_stream(stream_core& stream) noexcept;
void release_stream(stream_core& stream) noexcept;

class stream_ref {
public:
    stream_ref() noexcept = default;
    explicit stream_ref(stream_core* adopted) noexcept : core_(adopted) {}
    stream_ref(const stream_ref& other) noexcept : core_(other.core_) {
        if (core_ != nullptr) retain_stream(*core_);
    }
    stream_ref(stream_ref&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    stream_ref& operator=(stream_ref other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~stream_ref() {
        if (core_ != nullptr) release_stream(*core_);
    }
    stream_core* operator->() const noexcept { return core_; }
    stream_core& operator*() const noexcept { return *core_; }
    stream_core* get() const noexcept { return core_; }
    explicit operator bool() const noexcept { return core_ != nullptr; }

private:
    stream_core* core_ = nullptr;
};

}  // namespace bide::detail

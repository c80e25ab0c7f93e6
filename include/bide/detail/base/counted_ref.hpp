// bide/base: a pointer to an object that counts its references itself, on one thread.
#pragma once

#include <concepts>
#include <utility>

namespace bide::detail {

// The object's type may be incomplete: two functions count, retain(T&) and release(T&), declared beside it.
template <class T>
class counted_ref {
public:
    counted_ref() noexcept = default;
    // Takes over a reference that was counted already.
    explicit counted_ref(T* adopted) noexcept : to_(adopted) {}
    counted_ref(const counted_ref& other) noexcept : to_(other.to_) {
        if (to_ != nullptr) retain(*to_);
    }
    counted_ref(counted_ref&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
    template <class U>
        requires std::convertible_to<U*, T*>
    counted_ref(counted_ref<U> other) noexcept : to_(other.detach()) {}
    counted_ref& operator=(counted_ref other) noexcept {
        std::swap(to_, other.to_);
        return *this;
    }
    ~counted_ref() {
        if (to_ != nullptr) release(*to_);
    }

    // The reference is the caller's from now on.
    T* detach() noexcept { return std::exchange(to_, nullptr); }
    T* get() const noexcept { return to_; }
    T* operator->() const noexcept { return to_; }
    T& operator*() const noexcept { return *to_; }
    explicit operator bool() const noexcept { return to_ != nullptr; }
    friend bool operator==(const counted_ref&, const counted_ref&) noexcept = default;

private:
    T* to_ = nullptr;
};

}  // namespace bide::detail

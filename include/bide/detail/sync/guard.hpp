// bide/sync: what was acquired is released when the scope ends.
#pragma once

#include <utility>

namespace bide::detail {

/// What `co_await x.scoped()` gives: x is released when it is destroyed, or before by release(). Movable. Must not
/// outlive x. Python: the `async with` block.
template <class Owner>
class [[nodiscard("without a name the guard releases at once")]] guard {
public:
    guard(guard&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    guard& operator=(guard&& other) noexcept {
        if (this != &other) {
            drop();
            owner_ = std::exchange(other.owner_, nullptr);
        }
        return *this;
    }
    ~guard() { drop(); }

    /// False when released or moved from.
    explicit operator bool() const noexcept { return owner_ != nullptr; }

    /// Releases now instead of at the end of the scope; nothing when it has released before.
    void release() noexcept { drop(); }

private:
    template <class, class>
    friend class scoped_awaiter;
    explicit guard(Owner& owner) noexcept : owner_(&owner) {}

    void drop() noexcept {
        if (owner_ != nullptr) std::exchange(owner_, nullptr)->give_back();
    }

    Owner* owner_;
};

// Acquires as Acquire does and gives a guard.
template <class Owner, class Acquire>
class scoped_awaiter : public Acquire {
public:
    explicit scoped_awaiter(Owner& owner) noexcept : Acquire(owner) {}

    [[nodiscard]] guard<Owner> await_resume() const {
        Acquire::await_resume();
        return guard<Owner>(this->owner());
    }
};

}  // namespace bide::detail

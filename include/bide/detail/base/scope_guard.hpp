// bide/base: run a piece of code when the scope ends.
#pragma once

#include <utility>

namespace bide::detail {

template <class F>
class [[nodiscard]] scope_guard {
public:
    explicit scope_guard(F f) : f_(std::move(f)) {}
    scope_guard(const scope_guard&) = delete;
    scope_guard& operator=(const scope_guard&) = delete;
    ~scope_guard() {
        if (armed_) f_();
    }
    void dismiss() noexcept { armed_ = false; }

private:
    F f_;
    bool armed_ = true;
};

}  // namespace bide::detail

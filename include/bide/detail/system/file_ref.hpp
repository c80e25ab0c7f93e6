// bide/system: a counted reference to an open file.
#pragma once

#include <utility>

namespace bide::detail {

struct file_core;

// Not atomic: a file belongs to its loop's thread.
class file_ref {
public:
    file_ref() noexcept = default;
    explicit file_ref(file_core* core) noexcept : core_(core) {}  // takes over one reference
    file_ref(const file_ref& other) noexcept;
    file_ref(file_ref&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    file_ref& operator=(file_ref other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~file_ref() {
        if (core_ != nullptr) release(*core_);
    }

    [[nodiscard]] file_core* get() const noexcept { return core_; }
    [[nodiscard]] file_core* operator->() const noexcept { return core_; }
    [[nodiscard]] file_core& operator*() const noexcept { return *core_; }
    explicit operator bool() const noexcept { return core_ != nullptr; }

private:
    static void release(file_core& core) noexcept;

    file_core* core_ = nullptr;
};

}  // namespace bide::detail

// bide/net: one read of a stream as an awaitable that needs no coroutine where enough has arrived.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/coro.hpp>
#include <bide/detail/base/counted_ref.hpp>
#include <bide/result.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bide::detail {

struct reader_state;  // src/net/reader_state.hpp

void retain(reader_state& reader) noexcept;
void release(reader_state& reader) noexcept;

using reader_ref = counted_ref<reader_state>;

// Each kind of read is its arguments here and one step in src/net/reads.cpp: it takes what has arrived, or says that
// this is not enough. `any_amount`: whatever one receive brings is.
struct read_some {
    using value_type = std::string;
    static constexpr const char* name = "read";
    static constexpr bool any_amount = true;
    std::size_t most;
};
struct read_all {
    using value_type = std::string;
    static constexpr const char* name = "read";
    static constexpr bool any_amount = false;
};
struct read_line {
    using value_type = std::string;
    static constexpr const char* name = "readline";
    static constexpr bool any_amount = false;
    std::size_t searched = 0;  // no newline before it
};
struct read_next_line {
    using value_type = std::optional<std::string>;
    static constexpr const char* name = "next_line";
    static constexpr bool any_amount = false;
    std::size_t searched = 0;
};
struct read_exactly {
    using value_type = std::string;
    static constexpr const char* name = "readexactly";
    static constexpr bool any_amount = false;
    std::size_t count;
};
struct read_until {
    using value_type = std::string;
    static constexpr const char* name = "readuntil";
    static constexpr bool any_amount = false;
    std::string separator;
    std::size_t searched = 0;  // no separator begins before it
};
struct read_until_any {
    using value_type = std::string;
    static constexpr const char* name = "readuntil";
    static constexpr bool any_amount = false;
    std::vector<std::string> separators;
    std::size_t searched = 0;
};
struct read_into {
    using value_type = std::size_t;
    static constexpr const char* name = "read_into";
    static constexpr bool any_amount = true;
    std::span<std::byte> room;
};
struct read_view {
    using value_type = std::string_view;
    static constexpr const char* name = "read_view";
    static constexpr bool any_amount = true;
    std::size_t most;
};

template <class Read>
class read_awaitable : public awaitable_tag {
public:
    using value_type = typename Read::value_type;

    read_awaitable(reader_ref reader, Read what) : reader_(std::move(reader)), what_(std::move(what)) {}
    // Moved only before it is awaited.
    read_awaitable(read_awaitable&& other) noexcept = default;
    read_awaitable& operator=(read_awaitable&&) = delete;
    ~read_awaitable() {
        if (direct_) leave();  // the loop was closed under it
    }

    [[nodiscard]] bool await_ready();
    transfer await_suspend(std::coroutine_handle<> frame);
    value_type await_resume() {
        if (later_) return later_->await_resume();
        if (direct_) finish();
        if (error_) std::rethrow_exception(error_);
        return std::move(value_);
    }
    result<value_type> await_result() {
        if (later_) return later_->await_result();
        if (direct_) finish();
        if (error_) return result<value_type>::failure(error_);
        return result<value_type>(std::move(value_));
    }

private:
    void finish();
    void leave() noexcept;

    reader_ref reader_;
    Read what_;
    value_type value_{};
    std::exception_ptr error_;
    bool direct_ = false;  // the task waits for the operation itself
    std::optional<coro_awaiter<value_type>> later_;
};

extern template class read_awaitable<read_some>;
extern template class read_awaitable<read_all>;
extern template class read_awaitable<read_line>;
extern template class read_awaitable<read_next_line>;
extern template class read_awaitable<read_exactly>;
extern template class read_awaitable<read_until>;
extern template class read_awaitable<read_until_any>;
extern template class read_awaitable<read_into>;
extern template class read_awaitable<read_view>;

}  // namespace bide::detail

// bide/system: the part of a process_queue that does not depend on what it holds.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/coro.hpp>
#include <bide/detail/core/wait.hpp>
#include <bide/detail/system/queue_step.hpp>

#include <coroutine>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace bide::detail {

class process_queue_core;  // src/system/process_queue_core.hpp

struct process_queue_closer {
    void operator()(process_queue_core* core) const noexcept;
};

enum class queue_open { either, create, existing };

// A handle, in terms of bytes.
class process_queue_handle {
public:
    process_queue_handle(std::string name, std::size_t maxsize, std::size_t capacity, queue_open how);
    explicit process_queue_handle(int fd);

    [[nodiscard]] coro<void> put(std::string bytes) const;
    [[nodiscard]] coro<std::string> get() const;
    void put_nowait(std::string_view bytes) const;
    // False when there is none.
    bool try_get(std::string& bytes) const;
    [[nodiscard]] bool try_put(std::string_view bytes) const;
    void shut_down(bool drop_items) const;

    [[nodiscard]] std::size_t count() const noexcept;
    [[nodiscard]] bool full() const noexcept;
    [[nodiscard]] std::size_t maxsize() const noexcept;
    [[nodiscard]] std::size_t capacity() const noexcept;
    [[nodiscard]] const std::string& name() const noexcept;
    [[nodiscard]] int fileno() const noexcept;
    static void unlink(std::string_view name);
    // Throws std::invalid_argument.
    static void check_name(std::string_view name);

private:
    std::unique_ptr<process_queue_core, process_queue_closer> core_;
};

}  // namespace bide::detail

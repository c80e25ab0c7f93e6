// bide/net: what serves the connections of a server; it may outlive the server.
#pragma once

#include <bide/detail/base/counted_ref.hpp>
#include <bide/server.hpp>

#include <cstddef>
#include <utility>

namespace bide::detail {

// Counted by the server, by its connections and by their tasks.
class client_service {
public:
    explicit client_service(handler_ref handler) noexcept : handler_(std::move(handler)) {}
    client_service(const client_service&) = delete;
    client_service& operator=(const client_service&) = delete;
    virtual ~client_service() = default;

    [[nodiscard]] client_handler& handler() const noexcept { return *handler_; }

    friend void retain(client_service& service) noexcept { ++service.users_; }
    friend void release(client_service& service) noexcept {
        if (--service.users_ == 0) {
            delete &service;
        } else {
            service.user_left();
        }
    }

    // Neither connections nor tasks of theirs: only the server refers to it.
    [[nodiscard]] bool idle() const noexcept { return users_ == 1; }

protected:
    virtual void user_left() noexcept {}

private:
    const handler_ref handler_;
    std::size_t users_ = 1;
};

}  // namespace bide::detail

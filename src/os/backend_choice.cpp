// bide/os: which backend, and why.
#include "os/backend.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace bide::detail {

namespace {

struct request {
    backend_kind kind;
    std::string by;
};

request requested(backend_kind wanted) {
    if (wanted != backend_kind::automatic) return {wanted, "the loop's options"};
    const char* const text = std::getenv("BIDE_BACKEND");
    if (text == nullptr || *text == '\0') return {backend_kind::automatic, {}};
    const std::string_view name = text;
    if (name == "auto") return {backend_kind::automatic, {}};
    if (name == "epoll") return {backend_kind::epoll, "BIDE_BACKEND"};
    if (name == "io_uring") return {backend_kind::io_uring, "BIDE_BACKEND"};
    throw std::invalid_argument("BIDE_BACKEND is '" + std::string(name) + "'; use epoll, io_uring or auto");
}

}  // namespace

backend_choice choose_backend(backend_kind wanted) {
    const request asked = requested(wanted);
    if (asked.kind == backend_kind::epoll) return {make_epoll_backend(), "epoll: asked for by " + asked.by};
    std::string why;
    if (auto ring = make_uring_backend(why)) {
        if (asked.kind == backend_kind::io_uring)
            return {std::move(ring), "io_uring: asked for by " + asked.by};
        return {std::move(ring), "io_uring: the kernel offers it (" + why + ")"};
    }
    if (asked.kind == backend_kind::io_uring) {
        throw std::system_error(std::make_error_code(std::errc::operation_not_supported),
                                "io_uring was asked for by " + asked.by + ", but " + why);
    }
    return {make_epoll_backend(), "epoll: " + why};
}

}  // namespace bide::detail

// bide/bench: what the echo servers on standalone Asio share.
#pragma once

#ifdef __clang__
#define ASIO_HAS_CO_AWAIT 1
#define ASIO_HAS_STD_COROUTINE 1
#endif
#include <asio.hpp>
#include <asio/experimental/as_tuple.hpp>

#include <cstdio>
#include <cstdlib>

// The concrete executor instead of any_io_executor, and concurrency hint 1: Asio at its fastest.
using executor = asio::io_context::executor_type;
using tcp = asio::ip::tcp;
using tcp_socket = asio::basic_stream_socket<tcp, executor>;
using acceptor = asio::basic_socket_acceptor<tcp, executor>;
template <class T>
using awaitable = asio::awaitable<T, executor>;
inline constexpr asio::use_awaitable_t<executor> use_awaitable;

// Errors as values, so that the end of a connection costs no exception.
inline constexpr auto no_throw = asio::experimental::as_tuple(use_awaitable);

// Listens; start(acceptor) begins to accept.
template <class F>
void serve_port(const char* port, F start) {
    asio::io_context io(1);
    acceptor door(io.get_executor());
    door.open(tcp::v4());
    door.set_option(acceptor::reuse_address(true));
    door.bind({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::atoi(port))});
    door.listen(4096);
    start(door);
    std::puts("ready");
    std::fflush(stdout);
    io.run();
}

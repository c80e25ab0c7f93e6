// bide/examples: watch a descriptor of one's own.
#include <bide/bide.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iostream>
#include <string>
#include <system_error>

bide::coro<void> async_main() {
    auto& loop = bide::get_running_loop();
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) != 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    const auto [reader, writer] = ends;

    auto all = bide::create_future<std::string>();
    loop.add_reader(reader, [&, text = std::string()]() mutable {
        std::array<char, 8> piece{};
        const auto size = ::read(reader, piece.data(), piece.size());
        if (size > 0) {
            std::cout << "readable: " << size << " bytes\n";
            text.append(piece.data(), static_cast<std::size_t>(size));
        } else {
            loop.remove_reader(reader);
            all.set_result(text);
        }
    });
    loop.add_writer(writer, [&] {
        std::cout << "writable\n";
        if (::write(writer, "tied with a ribbon", 18) < 0) std::cout << "nobody reads\n";
        loop.remove_writer(writer);
        ::shutdown(writer, SHUT_WR);
    });

    const std::string received = co_await all;
    std::cout << "received: " << received << '\n';
    ::close(reader);
    ::close(writer);
}

int main() { bide::run(async_main()); }

// bide/examples: a chat room: `chat [PORT]`, and then `nc 127.0.0.1 PORT`, as often as you like.
#include <bide/bide.hpp>

#include <csignal>
#include <iostream>
#include <map>
#include <string>

// Serves every connection, and lives as long as the last one.
class room {
public:
    bide::coro<void> operator()(bide::stream_reader reader, bide::stream_writer writer) {
        try {
            const std::string name = co_await choose_name(reader, writer);
            const seat mine(*this, name, writer);
            while (auto line = co_await reader.next_line()) {
                if (line->starts_with("/quit")) break;
                if (line->starts_with("/who")) {
                    writer.write(everybody());
                } else {
                    tell_all(name + ": " + *line);
                }
                co_await writer.drain();
            }
        } catch (const std::exception&) {}  // the connection broke, or a line was too long: somebody has left
    }

private:
    // A place in the room, for as long as the connection lasts.
    class seat {
    public:
        seat(room& in, const std::string& name, bide::stream_writer& writer) : room_(in), name_(name) {
            room_.tell_all("* " + name_ + " has come\n");
            room_.members_.emplace(name_, &writer);
        }
        ~seat() {
            room_.members_.erase(name_);
            room_.tell_all("* " + name_ + " has left\n");
        }

    private:
        room& room_;
        std::string name_;
    };

    bide::coro<std::string> choose_name(bide::stream_reader& reader, bide::stream_writer& writer) {
        writer.write("Your name? ");
        for (;;) {
            std::string name = co_await reader.readuntil("\n");
            name.erase(name.find_last_not_of(" \r\n") + 1);
            if (!name.empty() && name.front() != '/' && !members_.contains(name)) {
                writer.write("Hello, " + name + "! /who tells who is here, /quit leaves.\n");
                co_return name;
            }
            writer.write("Please take another one: ");
        }
    }

    std::string everybody() const {
        std::string list = "*";
        for (const auto& [name, writer] : members_) list += " " + name;
        return list + "\n";
    }

    // Nobody is waited for: who does not keep up is thrown out.
    void tell_all(const std::string& text) {
        for (const auto& [name, writer] : members_) {
            writer->write(text);
            if (writer->get_write_buffer_size() > 64 * 1024) writer->abort();
        }
    }

    std::map<std::string, bide::stream_writer*> members_;
};

bide::coro<void> async_main(int port) {
    auto options = bide::server_options().limit(1000).connection_limit(1000);
    auto server = co_await bide::start_server(room(), "127.0.0.1", port, options);
    std::cout << "the room is open on port " << server.port() << std::endl;

    auto close = [server] {
        server.close();
        server.close_clients();
    };
    bide::get_running_loop().add_signal_handler(SIGINT, close);
    bide::get_running_loop().add_signal_handler(SIGTERM, close);
    co_await server.wait_closed();
    std::cout << "the room is closed\n";
}

int main(int argc, char** argv) {
    try {
        bide::run(async_main(argc > 1 ? std::stoi(argv[1]) : 8888));
    } catch (const std::exception& error) {
        std::cerr << "chat: " << error.what() << '\n';
        return 1;
    }
}

// bide/examples: a file, a server and a connection without any coroutine: sync_wait runs each await to its end.
#include <bide/bide.hpp>

#include <cctype>
#include <iostream>
#include <memory>

using bide::sync_wait;

void use_a_file() {
    auto folder = sync_wait(bide::make_temporary_directory());
    bide::file list = sync_wait(bide::open(folder / "list.txt", "w+"));
    sync_wait(list.write("bread\nmilk\n"));
    sync_wait(list.seek(0));
    while (auto line = sync_wait(list.next_line())) std::cout << "to buy: " << *line;
    sync_wait(list.close());
}

class loud_echo : public bide::protocol {
public:
    void connection_made(bide::transport transport) override { transport_ = transport; }
    void data_received(std::string_view data) override {
        std::string text(data);
        for (char& letter : text)
            letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
        transport_.write(text);
    }

private:
    bide::transport transport_;
};

void use_a_server_and_a_connection() {
    auto make = [] { return std::make_shared<loud_echo>(); };
    auto server = sync_wait(bide::create_server(make, "127.0.0.1", 0));

    // The server serves while one of these waits: both are on this thread's own loop, which stays between the calls.
    auto [reader, writer] = sync_wait(bide::open_connection("127.0.0.1", server.port()));
    for (const char* word : {"hello\n", "goodbye\n"}) {
        writer.write(word);
        std::cout << "the server says: " << sync_wait(reader.readline());
    }
    writer.close();
    sync_wait(writer.wait_closed());
    server.close();
    sync_wait(server.wait_closed());
}

int main() {
    use_a_file();
    use_a_server_and_a_connection();
}

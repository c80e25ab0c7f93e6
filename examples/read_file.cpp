// bide/examples: open a file without blocking the loop; read it whole and line by line; write a copy.
#include <bide/bide.hpp>

#include <iostream>

bide::coro<void> async_main() {
    auto folder = co_await bide::make_temporary_directory();
    co_await bide::write_file(folder / "poem.txt",
                              "Water, is taught by thirst.\nLand - by the Oceans passed.\n");

    bide::file file = co_await bide::open(folder / "poem.txt");
    std::string text = co_await file.read();
    std::cout << "the file has " << text.size() << " bytes:\n" << text;

    co_await file.seek(0);
    bide::file copy = co_await bide::open(folder / "copy.txt", "w");
    int number = 0;
    while (auto line = co_await file.next_line()) {
        std::cout << ++number << ": " << *line;
        co_await copy.write(*line);
    }
    co_await copy.close();  // what could not be written would be an error here

    std::string again = co_await bide::read_file(folder / "copy.txt");
    std::cout << "the copy is " << (again == text ? "the same" : "different") << '\n';

    try {
        co_await bide::open("/no/such/file");
    } catch (const std::system_error& e) { std::cout << e.what() << '\n'; }
    co_await folder.remove();
}

int main() { bide::run(async_main()); }

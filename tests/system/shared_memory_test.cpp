// bide/tests: shared_memory.
#include <bide/shared_memory.hpp>

#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "system/ipc_support.hpp"

namespace {

using namespace ipc_tests;
using bide::shared_memory;
using bide_test::has;
using bide_test::thrown;

void write_text(const shared_memory& block, std::string_view text) {
    std::memcpy(block.data().data(), text.data(), text.size());
}
std::string text_of(const shared_memory& block, std::size_t size) {
    return {reinterpret_cast<const char*>(block.data().data()), size};
}

TEST(shared_memory, is_seen_by_whoever_opens_the_name) {
    const named<shared_memory> my("block");
    const shared_memory made = shared_memory::create(my.name, 1000);
    EXPECT_EQ(made.size(), 1000U);
    EXPECT_EQ(made.name(), my.name);
    EXPECT_EQ(text_of(made, 1000), std::string(1000, '\0'));
    write_text(made, "hello");
    const shared_memory opened = shared_memory::open(my.name);
    EXPECT_EQ(opened.size(), 1000U);
    EXPECT_EQ(text_of(opened, 5), "hello");
    struct ::stat found{};
    ASSERT_EQ(::fstat(made.fileno(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0600U);
    EXPECT_EQ(::fcntl(made.fileno(), F_GETFD), FD_CLOEXEC);
}

TEST(shared_memory, name_that_was_unlinked_is_free_and_the_memory_stays) {
    const named<shared_memory> my("unlinked");
    shared_memory made = shared_memory::create(my.name, 100);
    write_text(made, "old");
    made.unlink();
    EXPECT_TRUE(has(thrown<std::system_error>([&] { return shared_memory::open(my.name); }), my.name,
                    "No such file"));
    EXPECT_EQ(text_of(made, 3), "old");
    const shared_memory second = shared_memory::create(my.name, 100);
    EXPECT_EQ(text_of(second, 1), std::string(1, '\0'));
    EXPECT_TRUE(has(thrown<std::system_error>([&] {
                        shared_memory::unlink(my.name);
                        shared_memory::unlink(my.name);
                        return 0;
                    }),
                    "shared_memory '" + my.name + "': unlink: No such file"));
}

TEST(shared_memory, errors_name_the_block_and_the_value) {
    const named<shared_memory> my("errors");
    const shared_memory made = shared_memory::create(my.name, 64);
    EXPECT_TRUE(has(thrown<std::system_error>([&] { return shared_memory::create(my.name, 64); }), my.name,
                    "exists"));
    EXPECT_TRUE(has(thrown<std::invalid_argument>([&] { return shared_memory::open(my.name, 100); }), my.name,
                    "64 bytes", "100 are needed"));
    EXPECT_TRUE(
        has(thrown<std::invalid_argument>([&] { return shared_memory::create("x", 0); }), "'x'", "0 bytes"));
    EXPECT_TRUE(has(thrown<std::system_error>(
                        [&] { return shared_memory::create(fresh_name("huge"), std::size_t{1} << 60); }),
                    "1152921504606846976 bytes"));
    for (const std::string& name : {std::string(), std::string("a/b"), std::string(".."),
                                    std::string("a\0b", 3), std::string(201, 'x')}) {
        EXPECT_THROW(static_cast<void>(shared_memory::open(name)), std::invalid_argument) << name;
        EXPECT_THROW(static_cast<void>(shared_memory::create(name, 1)), std::invalid_argument) << name;
        EXPECT_THROW(shared_memory::unlink(name), std::invalid_argument) << name;
    }
    EXPECT_TRUE(
        has(thrown<std::invalid_argument>([] { return shared_memory::open("a/b"); }), "'a/b'", "no '/'"));
    shared_memory nameless = shared_memory::anonymous(10);
    EXPECT_THROW(nameless.unlink(), bide::invalid_state_error);
}

TEST(shared_memory, anonymous_block_is_shared_with_the_child_of_a_fork) {
    const shared_memory block = shared_memory::anonymous(100);
    EXPECT_TRUE(block.name().empty());
    child forked([&] {
        write_text(block, "from the child");
        return 0;
    });
    EXPECT_EQ(forked.status(), 0);
    EXPECT_EQ(text_of(block, 14), "from the child");
    EXPECT_NE(::ftruncate(block.fileno(), 10), 0);  // nobody can take it away under others
}

TEST(shared_memory, adopts_a_descriptor_or_leaves_it) {
    const shared_memory block = shared_memory::anonymous(100);
    write_text(block, "same");
    const shared_memory adopted = shared_memory::adopt(::dup(block.fileno()), 100);
    EXPECT_EQ(text_of(adopted, 4), "same");
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    EXPECT_TRUE(has(thrown<std::system_error>([&] { return shared_memory::adopt(ends[0]); }),
                    "adopt descriptor " + std::to_string(ends[0]), "Invalid argument"));
    EXPECT_THROW(static_cast<void>(shared_memory::adopt(block.fileno(), 101)), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(shared_memory::adopt(-1)), std::system_error);
    EXPECT_EQ(::close(ends[0]), 0);  // still open
    EXPECT_EQ(::close(ends[1]), 0);
    EXPECT_GE(::fcntl(block.fileno(), F_GETFD), 0);
}

TEST(shared_memory, moves_and_closes) {
    shared_memory block = shared_memory::anonymous(100);
    const int fd = block.fileno();
    shared_memory other = std::move(block);
    EXPECT_EQ(block.fileno(), -1);
    EXPECT_TRUE(block.data().empty());
    EXPECT_EQ(other.fileno(), fd);
    other = shared_memory::anonymous(200);
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
    other.close();
    other.close();
    EXPECT_EQ(other.size(), 0U);
}

TEST(shared_memory, block_of_a_process_that_dies_while_making_it_leaves_no_name) {
    const named<shared_memory> my("half");
    const auto victim = [&] {
        const auto made = shared_memory::create(my.name, 100);
        ::kill(::getpid(), SIGKILL);
        return 0;
    };
    child prey(victim);
    EXPECT_EQ(prey.status(), -SIGKILL);
    EXPECT_EQ(shared_memory::open(my.name).size(), 100U);  // complete, or not there at all
}

// Python's shared_memory has the same blocks.
BIDE_TEST_WITH(shared_memory, python_sees_the_same_block, real_time()) {
    const named<shared_memory> my("python");
    const shared_memory made = shared_memory::create(my.name, 4096);
    write_text(made, "from bide");
    const std::string script = "import sys\n"
                               "from multiprocessing import shared_memory\n"
                               "b = shared_memory.SharedMemory(sys.argv[1])\n"
                               "assert bytes(b.buf[:9]) == b'from bide'\n"
                               "b.buf[:6] = b'python'\n"
                               "b.close()\n"
                               "from multiprocessing import resource_tracker\n"
                               "resource_tracker.unregister('/' + sys.argv[1], 'shared_memory')\n";
    auto python = co_await bide::create_subprocess_exec("python3", "-c", script, my.name);
    const int code = co_await python.wait();
    EXPECT_EQ(code, 0);
    EXPECT_EQ(text_of(made, 6), "python");
}

// [share]
bide::coro<void> share_with_a_child() {
    const auto block = bide::shared_memory::anonymous(1 << 20);
    auto options = bide::subprocess_options().pass_fd(block.fileno(), 3);
    auto child = co_await bide::create_subprocess_exec("sh", "-c", "echo hello >&3", options);
    co_await child.wait();
    const auto* text = reinterpret_cast<const char*>(block.data().data());
    EXPECT_EQ(std::string(text, 5), "hello");
}
// [/share]

BIDE_TEST_WITH(shared_memory, child_program_gets_it_as_a_descriptor, real_time()) {
    return share_with_a_child();
}

}  // namespace

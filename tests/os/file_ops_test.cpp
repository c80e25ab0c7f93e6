// bide/os: the table of operations on files, which are never waited for: each begins at once and runs to its end.
// bide-test: no-shuffle
#include "os/backend_support.hpp"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include <bide/detail/core/io_awaiter.hpp>

#include "os/blocking_call.hpp"

#include "support/async_test.hpp"
#include "support/gate.hpp"

namespace os_tests {

namespace {

constexpr std::size_t block = 4096;

// A file with known content, memory, and a call; the memory serves O_DIRECT.
struct scene {
    scene() {
        std::string path = testing::TempDir() + "/bide-ops-XXXXXX";
        file.reset(::mkostemp(path.data(), O_CLOEXEC));
        name = path;
        EXPECT_EQ(::pwrite(file.get(), "0123456789", 10, 0), 10);
    }
    ~scene() { ::unlink(name.c_str()); }
    scene(const scene&) = delete;
    scene& operator=(const scene&) = delete;

    [[nodiscard]] std::string text(int size) const {
        return {buffer.data(), static_cast<std::size_t>(std::max(0, size))};
    }
    [[nodiscard]] std::string content() const {
        std::string all(64, '\0');
        all.resize(
            static_cast<std::size_t>(std::max<ssize_t>(0, ::pread(file.get(), all.data(), all.size(), 0))));
        return all;
    }

    struct counted : blocking_call {
        counted() noexcept : blocking_call{&call} {}
        static int call(blocking_call& self) noexcept { return ++static_cast<counted&>(self).calls; }
        int calls = 0;
    };

    unique_fd file;
    std::string name;
    alignas(block) std::array<char, block> buffer{};
    counted calls;
    op_args args;
};

struct op_error {
    const char* name;
    int expected;
    void (*arrange)(scene&);
};

struct op_row {
    using act = void (*)(scene&);
    using check = void (*)(scene&, int result);

    op_row(const char* row_name, const op_kind& of, act to_arrange, check if_succeeded,
           std::vector<op_error> of_errors = {})
        : name(row_name),
          kind(of),
          arrange(to_arrange),
          succeeded(if_succeeded),
          errors(std::move(of_errors)) {}

    const char* name;
    const op_kind& kind;
    act arrange;
    check succeeded;
    std::vector<op_error> errors;
};
void PrintTo(const op_row& row, std::ostream* out) { *out << row.name; }

void read_three(scene& s) {
    s.args = {.fd = s.file.get(), .flags = 0, .data = s.buffer.data(), .size = 3, .offset = 4};
}
void got_three(scene& s, int result) { EXPECT_EQ(s.text(result), "456"); }
void read_beyond(scene& s) {
    s.args = {.fd = s.file.get(), .flags = 0, .data = s.buffer.data(), .size = 100, .offset = 8};
}
void got_two(scene& s, int result) { EXPECT_EQ(s.text(result), "89"); }
void read_at_end(scene& s) {
    s.args = {.fd = s.file.get(), .flags = 0, .data = s.buffer.data(), .size = 100, .offset = 10};
}
void got_none(scene&, int result) { EXPECT_EQ(result, 0); }
void write_three(scene& s) {
    s.buffer = {'a', 'b', 'c'};
    s.args = {.fd = s.file.get(), .flags = 0, .data = s.buffer.data(), .size = 3, .offset = 8};
}
void wrote_three(scene& s, int result) {
    EXPECT_EQ(result, 3);
    EXPECT_EQ(s.content(), "01234567abc");
}
void call_once(scene& s) { s.args.data = static_cast<blocking_call*>(&s.calls); }
void called_once(scene& s, int result) {
    EXPECT_EQ(result, 1);
    EXPECT_EQ(s.calls.calls, 1);
}

void bad_descriptor(scene& s) { s.args = {.fd = 999'999, .flags = 0, .data = s.buffer.data(), .size = 3}; }
void a_folder(scene& s) {
    s.file.reset(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    s.args = {.fd = s.file.get(), .flags = 0, .data = s.buffer.data(), .size = 3};
}
void no_memory_there(scene& s) {
    s.args = {.fd = s.file.get(), .flags = 0, .data = nullptr, .size = 3, .offset = 0};
}
void a_full_disk(scene& s) {
    s.file.reset(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    s.args = {.fd = s.file.get(), .flags = 0, .data = s.buffer.data(), .size = 3};
}
void not_to_be_written(scene& s) {
    s.file.reset(::open(s.name.c_str(), O_RDONLY | O_CLOEXEC));
    s.args = {.fd = s.file.get(), .flags = 0, .data = s.buffer.data(), .size = 3};
}
void a_call_that_fails(scene& s) {
    static blocking_call failing{[](blocking_call&) noexcept { return -ENOTDIR; }};
    s.args.data = &failing;
}

const std::vector<op_error> read_errors = {{"bad descriptor", EBADF, bad_descriptor},
                                           {"folder", EISDIR, a_folder},
                                           {"no memory there", EFAULT, no_memory_there}};
const std::vector<op_error> write_errors = {{"bad descriptor", EBADF, bad_descriptor},
                                            {"full disk", ENOSPC, a_full_disk},
                                            {"read only", EBADF, not_to_be_written},
                                            {"no memory there", EFAULT, no_memory_there}};

const std::vector<op_row> rows = {
    {"pread", pread_op, read_three, got_three, read_errors},
    {"pread_short", pread_op, read_beyond, got_two},
    {"pread_end", pread_op, read_at_end, got_none},
    {"pread_large", pread_large_op, read_beyond, got_two, read_errors},
    {"pwrite", pwrite_op, write_three, wrote_three, write_errors},
    {"pwrite_cached", pwrite_cached_op, write_three, wrote_three, write_errors},
    {"call", call_op, call_once, called_once, {{"its own error", ENOTDIR, a_call_that_fails}}},
};

class every_file_op : public testing::TestWithParam<std::tuple<op_row, variant>> {
protected:
    const op_row& row = std::get<0>(GetParam());
    rig on{std::get<1>(GetParam())};
    scene s;
};

TEST_P(every_file_op, succeeds) {
    row.arrange(s);
    op_node node(row.kind, s.args);
    on.os->submit(node);
    EXPECT_EQ(on.os->in_flight(), 1U);
    ASSERT_TRUE(on.wait_for(node));
    EXPECT_EQ(on.os->in_flight(), 0U);
    EXPECT_TRUE(node.done());
    row.succeeded(s, node.result());
}

TEST_P(every_file_op, reports_its_errors) {
    for (const op_error& error : row.errors) {
        scene failing;
        error.arrange(failing);
        op_node node(row.kind, failing.args);
        EXPECT_EQ(on.run(node), -error.expected) << error.name;
    }
}

// Cancelled at once: it did all of it, or nothing and says so.
TEST_P(every_file_op, cancelled_does_all_or_nothing) {
    row.arrange(s);
    op_node node(row.kind, s.args);
    on.os->submit(node);
    on.os->cancel(node);
    on.os->cancel(node);
    ASSERT_TRUE(on.wait_for(node));
    EXPECT_EQ(on.os->in_flight(), 0U);
    if (node.result() == -ECANCELED) {
        EXPECT_EQ(s.content(), "0123456789");
        EXPECT_EQ(s.calls.calls, 0);
    } else {
        row.succeeded(s, node.result());
    }
}

TEST_P(every_file_op, cancelled_after_it_completed_keeps_its_result) {
    row.arrange(s);
    op_node node(row.kind, s.args);
    ASSERT_GE(on.run(node), 0);
    on.os->cancel(node);
    row.succeeded(s, node.result());
}

TEST_P(every_file_op, many_at_a_time) {
    std::vector<std::unique_ptr<scene>> scenes;
    std::vector<std::unique_ptr<op_node>> nodes;
    for (int i = 0; i < 50; ++i) {
        scenes.push_back(std::make_unique<scene>());
        row.arrange(*scenes.back());
        nodes.push_back(std::make_unique<op_node>(row.kind, scenes.back()->args));
        on.os->submit(*nodes.back());
    }
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        ASSERT_TRUE(on.wait_for(*nodes[i]));
        row.succeeded(*scenes[i], nodes[i]->result());
    }
}

INSTANTIATE_TEST_SUITE_P(all, every_file_op,
                         testing::Combine(testing::ValuesIn(rows), testing::ValuesIn(variants())),
                         [](const auto& of) {
                             return std::get<0>(of.param).name + ("_" + std::get<1>(of.param).name);
                         });

// A call that runs on a worker thread cannot be recalled: the await ends when it has, with its result, and the
// cancellation fires at the next await.
BIDE_TEST(call_op, a_running_call_is_waited_for) {
    struct waiting_call : blocking_call {
        waiting_call() noexcept : blocking_call{&call} {}
        static int call(blocking_call& self) noexcept {
            auto& mine = static_cast<waiting_call&>(self);
            mine.begun.open();
            mine.may_end.wait();
            return 7;
        }
        bide_test::gate begun;
        bide_test::gate may_end;
    };
    waiting_call call;
    std::size_t result = 0;
    bool went_on = false;
    auto doomed = bide::create_task([&]() -> bide::coro<void> {
        op_args args;
        args.data = static_cast<blocking_call*>(&call);
        result = co_await io_awaiter(call_op, args);
        co_await bide::sleep(std::chrono::seconds(1));
        went_on = true;
    });
    while (!call.begun.is_open()) co_await bide::sleep(std::chrono::seconds(0));
    doomed.cancel();
    co_await bide::sleep(std::chrono::seconds(1));
    EXPECT_FALSE(doomed.done());
    call.may_end.open();
    try {
        co_await doomed;
    } catch (const bide::cancelled_error&) {  // as it should be
    }
    EXPECT_TRUE(doomed.cancelled());
    EXPECT_EQ(result, 7U);
    EXPECT_FALSE(went_on);
}

}  // namespace

}  // namespace os_tests

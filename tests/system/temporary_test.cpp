// bide/system: files and folders that go away by themselves.
#include <bide/temporary.hpp>

#include <bide/as_result.hpp>
#include <bide/whole_file.hpp>

#include <filesystem>

#include <sys/stat.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "system/scratch.hpp"

namespace {

using namespace system_tests;
using bide_test::has;

bide::temporary_options here(const scratch& in) { return bide::temporary_options().folder(in.path()); }

// [folder]
bide::coro<std::string> in_a_folder() {
    auto folder = co_await bide::make_temporary_directory();
    co_await bide::write_file(folder / "notes", "kept for a moment");
    const std::string text = co_await bide::read_file(folder / "notes");
    co_await folder.remove();
    co_return text;
}
// [/folder]

BIDE_TEST(temporary, works_as_the_page_shows) {
    const std::string text = co_await in_a_folder();
    EXPECT_EQ(text, "kept for a moment");
}

BIDE_TEST(temporary, a_file_has_no_name) {
    const scratch in;
    for (const std::string& folder : {in.path(), std::string("/dev/shm")}) {
        bide::file f = co_await bide::temporary_file(bide::temporary_options().folder(folder));
        EXPECT_EQ(in.count(), 0U);
        co_await f.write("hello");
        co_await f.seek(0);
        const std::string back = co_await f.read();
        EXPECT_EQ(back, "hello");
        const bide::file_status status = co_await f.stat();
        EXPECT_EQ(status.links(), 0U);
        EXPECT_EQ(status.permissions(), 0600U);
    }
}

BIDE_TEST(temporary, a_named_file_is_removed_when_it_is_dropped) {
    const scratch in;
    {
        auto options = here(in).prefix("pre-").suffix(".txt");
        auto made = co_await bide::make_named_temporary_file(std::move(options));
        EXPECT_TRUE(made.path().starts_with(in / "pre-")) << made.path();
        EXPECT_TRUE(made.path().ends_with(".txt")) << made.path();
        co_await made.stream.write("hello");
        co_await made.stream.flush();
        EXPECT_EQ(content(made.path()), "hello");
        auto moved = std::move(made);
        EXPECT_EQ(in.count(), 1U);
    }
    EXPECT_EQ(in.count(), 0U);
    auto made = co_await bide::make_named_temporary_file(here(in));
    co_await made.remove();
    co_await made.remove();
    EXPECT_EQ(in.count(), 0U);
    auto kept = co_await bide::make_named_temporary_file(here(in));
    const std::string path = kept.keep();
    EXPECT_TRUE(path.starts_with(in / "tmp"));
    co_await kept.stream.close();
    EXPECT_EQ(in.count(), 1U);
}

BIDE_TEST(temporary, a_folder_is_removed_with_what_is_in_it) {
    const scratch in;
    {
        auto folder = co_await bide::make_temporary_directory(here(in));
        make(folder / "a", "x");
        std::filesystem::create_directory(folder / "b");
        make(folder / "b/c", "x");
        struct ::stat found{};
        EXPECT_EQ(::stat(folder.path().c_str(), &found), 0);
        EXPECT_EQ(found.st_mode & 0777U, 0700U);
    }
    EXPECT_EQ(in.count(), 0U);
    auto folder = co_await bide::make_temporary_directory(here(in));
    make(folder / "a", "x");
    co_await folder.remove();
    co_await folder.remove();
    auto taken = co_await bide::make_temporary_directory(here(in));
    std::filesystem::remove_all(taken.path());
    co_await taken.remove();  // somebody else has done it
    EXPECT_EQ(taken.path(), "");
    EXPECT_EQ(in.count(), 0U);
    auto kept = co_await bide::make_temporary_directory(here(in));
    kept.keep();
    EXPECT_EQ(in.count(), 1U);
}

BIDE_TEST(temporary, errors_name_the_folder) {
    const scratch in;
    const auto none = bide::temporary_options().folder(in / "none");
    std::string text;
    try {
        static_cast<void>(co_await bide::temporary_file(none));
    } catch (const std::system_error& e) { text = e.what(); }
    EXPECT_TRUE(has(text, "open a temporary file in '" + (in / "none") + "'")) << text;
    const auto folder = co_await bide::as_result(bide::make_temporary_directory(none));
    EXPECT_EQ(folder.error(), std::errc::no_such_file_or_directory);
    const auto file = co_await bide::as_result(bide::make_named_temporary_file(none));
    EXPECT_EQ(file.error(), std::errc::no_such_file_or_directory);
    try {
        static_cast<void>(co_await bide::make_named_temporary_file(here(in).prefix("a/b")));
    } catch (const std::invalid_argument& e) { text = e.what(); }
    EXPECT_TRUE(has(text, "'a/b'")) << text;
}

TEST(temporary, survives_cancel_and_failure_everywhere) {
    const scratch in;
    const auto clean = [&](std::uint64_t) { EXPECT_EQ(in.count(), 0U); };
    const auto make_all = [&]() -> bide::coro<void> {
        bide::file f = co_await bide::temporary_file(here(in));
        auto named = co_await bide::make_named_temporary_file(here(in));
        auto folder = co_await bide::make_temporary_directory(here(in));
        co_await bide::write_file(folder / "a", "x");
        co_await named.remove();
        co_await folder.remove();
    };
    EXPECT_GT(bide::testing::cancel_everywhere(make_all, clean), 5U);
    bide::testing::fail_everywhere(make_all, EIO, clean);
}

}  // namespace

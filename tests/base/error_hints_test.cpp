// bide/base: an error of the operating system comes with what to do about it.
// bide-test: once
#include "base/error_hints.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <system_error>

namespace {

std::string hint(std::errc code, const std::string& what) {
    return bide::detail::hint_for(
        std::make_exception_ptr(std::system_error(std::make_error_code(code), what)));
}

TEST(error_hints, depend_on_the_error_and_the_operation) {
    EXPECT_EQ(hint(std::errc::connection_refused, "connect 127.0.0.1:1"),
              "nobody listens at that address: start the server first, or look at host and port");
    EXPECT_EQ(hint(std::errc::permission_denied, "bind 0.0.0.0:80"),
              "ports below 1024 are root's: take a higher one, or give the program CAP_NET_BIND_SERVICE");
    EXPECT_EQ(hint(std::errc::permission_denied, "open 'x'"),
              "look at owner and mode with `ls -l`, of the folders above it, too");
    EXPECT_EQ(hint(std::errc::no_such_file_or_directory, "connect /tmp/x"),
              "no server has made that socket: start it first, or look at the path");
    EXPECT_EQ(hint(std::errc::no_such_file_or_directory, "open 'x'"),
              "a path that does not begin with / starts in the working directory");
}

class resolver_errors : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "resolver"; }
    [[nodiscard]] std::string message(int) const override { return "Name or service not known"; }
};

TEST(error_hints, tell_a_host_from_an_address_of_the_web) {
    static const resolver_errors category;
    const auto hint_of = [](const char* what) {
        return bide::detail::hint_for(std::make_exception_ptr(std::system_error(-2, category, what)));
    };
    EXPECT_EQ(hint_of("look up 'http://localhost'"),
              "this is more than a host: leave out the scheme (http://) and the path");
    EXPECT_EQ(hint_of("look up 'localhots'"),
              "look at the spelling; without a network or a name server, no name is found");
}

TEST(error_hints, keep_quiet_where_there_is_nothing_to_add) {
    EXPECT_EQ(hint(std::errc::no_such_file_or_directory, "create_subprocess_exec: \"x\""), "");
    EXPECT_EQ(hint(std::errc::io_error, "read"), "");
    EXPECT_EQ(bide::detail::hint_for(std::make_exception_ptr(std::runtime_error("x"))), "");
    EXPECT_EQ(bide::detail::hint_for(std::make_exception_ptr(42)), "");
    EXPECT_EQ(bide::detail::hint_for(nullptr), "");
}

}  // namespace

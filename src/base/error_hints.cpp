// bide/base: what to do about an error of the operating system.
#include "base/error_hints.hpp"

#include <string_view>
#include <system_error>

namespace bide::detail {

namespace {

struct hint {
    std::errc error;
    std::string_view operation;  // how the text begins; empty: any
    const char* text;
};

// The first that fits.
constexpr hint hints[] = {
    {std::errc::connection_refused, "",
     "nobody listens at that address: start the server first, or look at host and port"},
    {std::errc::address_in_use, "",
     "another program has that address, perhaps an earlier run of this one: end it, or take another port (0: "
     "any free one)"},
    {std::errc::address_not_available, "bind",
     "this machine has no such address: take 127.0.0.1, 0.0.0.0 for all, or one that `ip address` lists"},
    {std::errc::permission_denied, "bind /", "look at owner and mode of that folder with `ls -ld`"},
    {std::errc::permission_denied, "bind",
     "ports below 1024 are root's: take a higher one, or give the program CAP_NET_BIND_SERVICE"},
    {std::errc::permission_denied, "", "look at owner and mode with `ls -l`, of the folders above it, too"},
    {std::errc::no_such_file_or_directory, "connect",
     "no server has made that socket: start it first, or look at the path"},
    {std::errc::no_such_file_or_directory, "create_subprocess", ""},  // says it itself
    {std::errc::no_such_file_or_directory, "",
     "a path that does not begin with / starts in the working directory"},
    {std::errc::too_many_files_open, "", "close what is no longer used, or raise the limit: `ulimit -n`"},
    {std::errc::network_unreachable, "",
     "there is no route to that address: look at the network of this machine"},
};

std::string hint_for(const std::system_error& error) {
    const std::error_code code = error.code();
    const std::string_view what = error.what();
    if (std::string_view(code.category().name()) == "resolver") {
        if (what.find('/') != std::string_view::npos)
            return "this is more than a host: leave out the scheme (http://) and the path";
        return "look at the spelling; without a network or a name server, no name is found";
    }
    for (const hint& each : hints) {
        if (code == each.error && what.starts_with(each.operation)) return each.text;
    }
    return {};
}

}  // namespace

std::string hint_for(const std::exception_ptr& error) {
    if (error == nullptr) return {};
    try {
        std::rethrow_exception(error);
    } catch (const std::system_error& e) { return hint_for(e); } catch (...) {
        return {};
    }
}

}  // namespace bide::detail

// bide/net: whatever parses as an address prints, and parses back to the same.
#include <bide/address.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace {

void require(bool what) {
    if (!what) std::abort();
}

void check(std::string_view text) {
    const bide::result<bide::address> parsed = bide::address::try_parse(text);
    bool thrown = false;
    try {
        static_cast<void>(bide::address::parse(text));
    } catch (const std::invalid_argument&) { thrown = true; }
    require(thrown != static_cast<bool>(parsed));
    if (!parsed) return;

    const bide::address& a = *parsed;
    const bide::result<bide::address> again = bide::address::try_parse(a.to_string());
    require(static_cast<bool>(again) && *again == a && (*again <=> a) == 0 && again->hash() == a.hash());
    require(again->to_string() == a.to_string());
    require(bide::address::from_native(a.native(), a.native_size()) == a);
    if (a.family() == bide::address_family::local) {
        require(bide::address::local(a.host()) == a);
    } else {
        require(bide::address::ip(a.host(), a.port()) == a);
        require(a.with_port(7).port() == 7 && a.with_port(7).with_port(a.port()) == a);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check(text);
    if (const bide::result<bide::address> ip = bide::address::try_ip(text, 80)) check(ip->to_string());
    return 0;
}

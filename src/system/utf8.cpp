// bide/system: whether bytes are UTF-8 (RFC 3629), piece by piece.
#include "system/utf8.hpp"

#include <cstddef>
#include <cstring>

namespace bide::detail {

std::optional<std::uint64_t> utf8_check::feed(std::string_view piece) noexcept {
    std::size_t at = 0;
    while (at < piece.size()) {
        if (missing_ == 0) {
            while (at + 8 <= piece.size()) {  // most text is ASCII
                std::uint64_t eight;
                std::memcpy(&eight, piece.data() + at, 8);
                if ((eight & 0x8080808080808080U) != 0) break;
                at += 8;
            }
            if (at == piece.size()) break;
        }
        const auto byte = static_cast<std::uint8_t>(piece[at]);
        if (missing_ != 0) {
            if (byte < lowest_ || byte > highest_) return offset_ + at - had_;
            lowest_ = 0x80;
            highest_ = 0xbf;
            ++had_;
            --missing_;
        } else if (byte >= 0x80) {
            // The bounds leave out overlong forms, surrogates and what lies beyond U+10FFFF.
            if (byte < 0xc2 || byte > 0xf4) return offset_ + at;
            missing_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
            had_ = 1;
            if (byte == 0xe0) lowest_ = 0xa0;
            if (byte == 0xed) highest_ = 0x9f;
            if (byte == 0xf0) lowest_ = 0x90;
            if (byte == 0xf4) highest_ = 0x8f;
        }
        ++at;
    }
    offset_ += piece.size();
    return std::nullopt;
}

std::optional<std::uint64_t> utf8_check::end() const noexcept {
    if (missing_ == 0) return std::nullopt;
    return offset_ - had_;
}

void utf8_check::restart(std::uint64_t offset) noexcept {
    *this = utf8_check();
    offset_ = offset;
}

}  // namespace bide::detail

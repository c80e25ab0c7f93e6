// bide/system: whether bytes are UTF-8 (RFC 3629), piece by piece.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bide::detail {

class utf8_check {
public:
    // Returns: the offset of the first byte that cannot be part of the text; from the beginning of all pieces.
    std::optional<std::uint64_t> feed(std::string_view piece) noexcept;
    // The text has ended. Returns: where a character begins that is not complete.
    [[nodiscard]] std::optional<std::uint64_t> end() const noexcept;
    // The next piece begins at this offset, with a new character.
    void restart(std::uint64_t offset) noexcept;

private:
    std::uint64_t offset_ = 0;    // of the next byte
    std::uint8_t missing_ = 0;    // bytes until the character is complete
    std::uint8_t had_ = 0;        // bytes of it so far
    std::uint8_t lowest_ = 0x80;  // bounds of the next byte
    std::uint8_t highest_ = 0xbf;
};

}  // namespace bide::detail

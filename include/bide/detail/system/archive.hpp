// bide/system: values as bytes for another process of this machine, by way of cereal.
#pragma once

#include <cereal/cereal.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/chrono.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/unordered_map.hpp>
#include <cereal/types/unordered_set.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace bide::detail {

// cereal's own binary archive goes through a std::ostream, which costs more than the values; these two work on memory.
class packer : public cereal::OutputArchive<packer, cereal::AllowEmptyClassElision> {
public:
    explicit packer(std::string& out) : OutputArchive(this), out_(out) {}

    void saveBinary(const void* data, std::size_t size) {  // cereal's name
        out_.append(static_cast<const char*>(data), size);
    }

private:
    std::string& out_;
};

class unpacker : public cereal::InputArchive<unpacker, cereal::AllowEmptyClassElision> {
public:
    explicit unpacker(std::string_view bytes) : InputArchive(this), bytes_(bytes) {}

    void loadBinary(void* data, std::size_t size) {  // cereal's name
        if (size > bytes_.size()) throw_too_short(size);
        if (size != 0) std::memcpy(data, bytes_.data(), size);
        bytes_.remove_prefix(size);
    }

    // The next bytes, where they are. Throws std::invalid_argument.
    std::string_view take(std::size_t size) {
        if (size > bytes_.size()) throw_too_short(size);
        const std::string_view taken = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return taken;
    }

    std::size_t left() const { return bytes_.size(); }

private:
    [[noreturn]] void throw_too_short(std::size_t size) const {
        throw std::invalid_argument("a packed value ends too early: " + std::to_string(size) +
                                    " bytes wanted, " + std::to_string(bytes_.size()) +
                                    " left; do both processes use the same types?");
    }

    std::string_view bytes_;
};

template <class T>
    requires std::is_arithmetic_v<T>
void CEREAL_SAVE_FUNCTION_NAME(packer& archive, const T& value) {
    archive.saveBinary(&value, sizeof(value));
}
template <class T>
    requires std::is_arithmetic_v<T>
void CEREAL_LOAD_FUNCTION_NAME(unpacker& archive, T& value) {
    archive.loadBinary(&value, sizeof(value));
}
template <class Archive, class T>
    requires std::is_same_v<Archive, packer> || std::is_same_v<Archive, unpacker>
void CEREAL_SERIALIZE_FUNCTION_NAME(Archive& archive, cereal::NameValuePair<T>& pair) {
    archive(pair.value);
}
template <class Archive, class T>
    requires std::is_same_v<Archive, packer> || std::is_same_v<Archive, unpacker>
void CEREAL_SERIALIZE_FUNCTION_NAME(Archive& archive, cereal::SizeTag<T>& tag) {
    archive(tag.size);
}
template <class T>
void CEREAL_SAVE_FUNCTION_NAME(packer& archive, const cereal::BinaryData<T>& data) {
    archive.saveBinary(data.data, static_cast<std::size_t>(data.size));
}
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(unpacker& archive, cereal::BinaryData<T>& data) {
    archive.loadBinary(data.data, static_cast<std::size_t>(data.size));
}

// Bytes go as one piece, std::byte too, and come without being set to zero first.
template <class T>
concept byte_like = sizeof(T) == 1 && std::is_trivially_copyable_v<T> && !std::is_same_v<T, bool>;

template <byte_like T, class A>
void CEREAL_SAVE_FUNCTION_NAME(packer& archive, const std::vector<T, A>& bytes) {
    archive(cereal::make_size_tag(static_cast<cereal::size_type>(bytes.size())));
    archive.saveBinary(bytes.data(), bytes.size());
}
template <byte_like T, class A>
void CEREAL_LOAD_FUNCTION_NAME(unpacker& archive, std::vector<T, A>& bytes) {
    cereal::size_type size = 0;
    archive(cereal::make_size_tag(size));
    const std::string_view from = archive.take(static_cast<std::size_t>(size));
    const auto* const at = reinterpret_cast<const T*>(from.data());
    bytes.assign(at, at + from.size());
}
template <class Traits, class A>
void CEREAL_LOAD_FUNCTION_NAME(unpacker& archive, std::basic_string<char, Traits, A>& text) {
    cereal::size_type size = 0;
    archive(cereal::make_size_tag(size));
    text.assign(archive.take(static_cast<std::size_t>(size)));
}

// Appends the values to `out`.
template <class... Ts>
void pack_into(std::string& out, const Ts&... values) {
    packer archive(out);
    (archive(values), ...);
}

// The value that begins `bytes`. Throws std::invalid_argument where the bytes end too early or something is left over.
template <class T>
T unpack(std::string_view bytes) {
    unpacker archive(bytes);
    T value;
    archive(value);
    if (archive.left() != 0)
        throw std::invalid_argument("a packed value has " + std::to_string(archive.left()) +
                                    " bytes too many; do both processes use the same types?");
    return value;
}

}  // namespace bide::detail

CEREAL_REGISTER_ARCHIVE(bide::detail::packer)
CEREAL_REGISTER_ARCHIVE(bide::detail::unpacker)
CEREAL_SETUP_ARCHIVE_TRAITS(bide::detail::unpacker, bide::detail::packer)

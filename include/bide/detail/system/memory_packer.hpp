// bide/system: values packed straight into memory that is shared with another process.
#pragma once

#include <bide/detail/system/archive.hpp>

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <type_traits>

namespace bide::detail {

// Without memory it only counts: first how much is needed, then the same again into a place of that size.
class memory_packer : public cereal::OutputArchive<memory_packer, cereal::AllowEmptyClassElision> {
public:
    memory_packer() : OutputArchive(this) {}
    explicit memory_packer(std::byte* at, std::size_t room) : OutputArchive(this), at_(at), room_(room) {}

    void saveBinary(const void* data, std::size_t size) {  // cereal's name
        if (at_ != nullptr && size != 0) {
            if (room_ - size_ < size) throw_changing();
            std::memcpy(at_ + size_, data, size);
        }
        size_ += size;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool counts() const noexcept { return at_ == nullptr; }
    // The room must be full. Throws std::length_error.
    void end() const {
        if (size_ != room_) throw_changing();
    }

private:
    [[noreturn]] static void throw_changing() {
        throw std::length_error("a value does not give the same bytes twice");
    }

    std::byte* at_ = nullptr;
    std::size_t room_ = 0;
    std::size_t size_ = 0;
};

template <class T>
    requires std::is_arithmetic_v<T>
void CEREAL_SAVE_FUNCTION_NAME(memory_packer& archive, const T& value) {
    archive.saveBinary(&value, sizeof(value));
}
template <class T>
void CEREAL_SERIALIZE_FUNCTION_NAME(memory_packer& archive, cereal::NameValuePair<T>& pair) {
    archive(pair.value);
}
template <class T>
void CEREAL_SERIALIZE_FUNCTION_NAME(memory_packer& archive, cereal::SizeTag<T>& tag) {
    archive(tag.size);
}
template <class T>
void CEREAL_SAVE_FUNCTION_NAME(memory_packer& archive, const cereal::BinaryData<T>& data) {
    archive.saveBinary(data.data, static_cast<std::size_t>(data.size));
}

template <byte_like T, class A>
void CEREAL_SAVE_FUNCTION_NAME(memory_packer& archive, const std::vector<T, A>& bytes) {
    archive(cereal::make_size_tag(static_cast<cereal::size_type>(bytes.size())));
    archive.saveBinary(bytes.data(), bytes.size());
}

}  // namespace bide::detail

CEREAL_REGISTER_ARCHIVE(bide::detail::memory_packer)

// bide/system: an exception as bytes for another process.
#include "system/remote_exception.hpp"

#include <bide/detail/system/archive.hpp>
#include <bide/error.hpp>
#include <bide/process_pool.hpp>

#include <cxxabi.h>

#include <any>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <system_error>
#include <tuple>
#include <typeindex>
#include <typeinfo>

namespace bide::detail {

namespace {

using rebuild = std::exception_ptr (*)(const std::string& text);

template <class E>
std::exception_ptr with_text(const std::string& text) {
    return std::make_exception_ptr(E(text));
}
template <class E>
std::exception_ptr without_text(const std::string&) {
    return std::make_exception_ptr(E());
}

struct known_type {
    const std::type_info* type;
    rebuild make;
};

template <class E>
constexpr known_type texts() {
    return {&typeid(E), with_text<E>};
}

// The place in this list is what travels.
const known_type known[] = {
    texts<std::runtime_error>(),
    texts<std::logic_error>(),
    texts<std::invalid_argument>(),
    texts<std::out_of_range>(),
    texts<std::domain_error>(),
    texts<std::length_error>(),
    texts<std::range_error>(),
    texts<std::overflow_error>(),
    texts<std::underflow_error>(),
    texts<bide::timeout_error>(),
    texts<invalid_state_error>(),
    {&typeid(std::bad_alloc), without_text<std::bad_alloc>},
    {&typeid(std::bad_cast), without_text<std::bad_cast>},
    {&typeid(std::bad_array_new_length), without_text<std::bad_array_new_length>},
};
constexpr std::uint32_t unknown = 1000;
constexpr std::uint32_t system = 1001;

struct message {
    std::uint32_t kind = unknown;
    std::int32_t code = 0;
    bool is_system_category = false;
    std::string type;
    std::string text;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(kind, code, is_system_category, type, text);
    }
};

std::string readable(const char* mangled) {
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(mangled, nullptr, nullptr, &status),
                                                      std::free);
    return name ? name.get() : mangled;
}

// The text that was given to it; what() goes on with that of the code.
std::string own_text(const std::system_error& error) {
    const std::string all = error.what();
    const std::string end = ": " + error.code().message();
    if (all.size() >= end.size() && all.compare(all.size() - end.size(), end.size(), end) == 0)
        return all.substr(0, all.size() - end.size());
    return all == error.code().message() ? std::string() : all;
}

message describe() {
    message made;
    const std::type_info* const type = abi::__cxa_current_exception_type();
    made.type = type == nullptr ? "an unknown type" : readable(type->name());
    made.text = describe_exception(std::current_exception());
    if (type == nullptr) return made;
    for (std::uint32_t i = 0; i < std::size(known); ++i) {
        if (*known[i].type == *type) made.kind = i;
    }
    if (*type == typeid(std::system_error)) {
        try {
            throw;
        } catch (const std::system_error& error) {
            const bool is_system = error.code().category() == std::system_category();
            if (!is_system && error.code().category() != std::generic_category()) return made;
            made.kind = system;
            made.code = error.code().value();
            made.is_system_category = is_system;
            made.text = own_text(error);
        }
    }
    return made;
}

void cut(std::string& text, std::size_t most) {
    if (text.size() <= most) return;
    most -= 3;
    while (most != 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80)
        --most;  // not within a character
    text.resize(most);
    text += "...";
}

}  // namespace

std::string pack_exception(std::size_t most) {
    message made = describe();
    std::string bytes;
    pack_into(bytes, made);
    if (bytes.size() <= most) return bytes;
    const std::size_t rest = bytes.size() - made.type.size() - made.text.size();
    cut(made.type, (most - rest) / 2);
    cut(made.text, most - rest - made.type.size());
    bytes.clear();
    pack_into(bytes, made);
    return bytes;
}

std::exception_ptr unpack_exception(std::string_view bytes) {
    if (bytes.empty()) {
        return std::make_exception_ptr(
            remote_error("an unknown type", "the worker had no memory left for what the call has thrown"));
    }
    message got;
    try {
        got = unpack<message>(bytes);
    } catch (...) { return std::current_exception(); }
    if (got.kind < std::size(known)) return known[got.kind].make(got.text);
    if (got.kind == system) {
        const std::error_code code(got.code,
                                   got.is_system_category ? std::system_category() : std::generic_category());
        return std::make_exception_ptr(got.text.empty() ? std::system_error(code)
                                                        : std::system_error(code, got.text));
    }
    return std::make_exception_ptr(remote_error(got.type, got.text));
}

}  // namespace bide::detail

// bide/system: a function that worker processes can call, and how its arguments and its result are packed.
#pragma once

#include <bide/detail/base/text_hash.hpp>
#include <bide/detail/system/memory_packer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace bide::detail {

// Where a worker puts the result of a call.
class result_place {
public:
    virtual std::byte* room(std::size_t size) = 0;  // throws std::bad_alloc; once

protected:
    ~result_place() = default;
};

// One constant record for each function; it lies at the same place in every process of the program.
struct process_function {
    static constexpr std::uint64_t the_mark = 0x62696465'63616c6cU;

    std::uint64_t mark;
    std::uint64_t hash;     // of the text
    std::string_view text;  // what the compiler calls the function
    void (*run)(std::string_view arguments, result_place& result);
};

// --- what is packed for a parameter ---

// A view of bytes is packed as the bytes; the worker's view is of the shared memory itself.
template <class T>
struct stored_view {
    std::span<const T> bytes;
};

template <class T>
struct storage {
    using type = T;
};
template <>
struct storage<std::string_view> {
    using type = stored_view<char>;
};
template <>
struct storage<const char*> {
    using type = std::string;
};
template <byte_like T>
struct storage<std::span<const T>> {
    using type = stored_view<T>;
};
// Parameters are packed as values.
template <class P>
using stored_parameter = typename storage<std::remove_cvref_t<P>>::type;

template <class T>
void pack_one(memory_packer& archive, const T& value) {
    archive(value);
}
template <class T>
void pack_one(memory_packer& archive, const stored_view<T>& value) {
    archive(value.bytes.size());
    archive.saveBinary(value.bytes.data(), value.bytes.size());
}
template <class T>
void unpack_one(unpacker& archive, T& value) {
    archive(value);
}
template <class T>
void unpack_one(unpacker& archive, stored_view<T>& value) {
    std::size_t size = 0;
    archive(size);
    const std::string_view bytes = archive.take(size);
    value.bytes = {reinterpret_cast<const T*>(bytes.data()), bytes.size()};
}

// The value to pack for an argument: the argument itself where it has the type already.
template <class Stored, class A>
decltype(auto) to_stored(A& argument) {
    if constexpr (std::is_same_v<std::remove_cvref_t<A>, Stored>) {
        return static_cast<const Stored&>(argument);
    } else if constexpr (std::is_same_v<Stored, stored_view<char>>) {
        const std::string_view text = argument;
        return Stored{{text.data(), text.size()}};
    } else if constexpr (requires { Stored{argument}.bytes; }) {
        return Stored{argument};
    } else {
        return static_cast<Stored>(argument);
    }
}

// The argument for a parameter, from what was unpacked.
template <class P, class Stored>
decltype(auto) to_argument(Stored& stored) {
    using T = std::remove_cvref_t<P>;
    if constexpr (std::is_same_v<T, std::string_view>) {
        return std::string_view(stored.bytes.data(), stored.bytes.size());
    } else if constexpr (std::is_same_v<T, const char*>) {
        return stored.c_str();
    } else if constexpr (!std::is_same_v<T, Stored>) {
        return T(stored.bytes);
    } else if constexpr (std::is_lvalue_reference_v<P>) {
        return static_cast<const T&>(stored);
    } else {
        return static_cast<T&&>(stored);
    }
}

// --- what a callable takes ---

template <class... P>
struct parameter_list {};

template <class F>
struct parameters_of {};
template <class R, class... P>
struct parameters_of<R (*)(P...)> {
    using type = parameter_list<P...>;
};
template <class R, class... P>
struct parameters_of<R (*)(P...) noexcept> : parameters_of<R (*)(P...)> {};
template <class R, class C, class... P>
struct parameters_of<R (C::*)(P...) const> : parameters_of<R (*)(P...)> {};
template <class R, class C, class... P>
struct parameters_of<R (C::*)(P...) const noexcept> : parameters_of<R (*)(P...)> {};

template <class F, class... Args>
auto find_parameters() {
    if constexpr (requires { typename parameters_of<F>::type; }) {
        return typename parameters_of<F>::type();
    } else if constexpr (requires { typename parameters_of<decltype(&F::operator())>::type; }) {
        return typename parameters_of<decltype(&F::operator())>::type();
    } else {
        return parameter_list<std::decay_t<Args>...>();
    }
}

template <class P>
concept crosses_processes =
    (!std::is_lvalue_reference_v<P> || std::is_const_v<std::remove_reference_t<P>>) &&
    (!std::is_pointer_v<std::remove_cvref_t<P>> || std::is_same_v<std::remove_cvref_t<P>, const char*>);

// Bytes that a call needs, and how to write them. Refers to the arguments.
struct argument_source {
    std::size_t size;
    void (*write)(const argument_source& self, std::byte* at);
};

template <class... Stored>
class packed_arguments : public argument_source {
public:
    // Throws what packing throws.
    explicit packed_arguments(Stored... values)
        : argument_source{0, write_all}, values_(static_cast<Stored>(values)...) {
        memory_packer counter;
        pack(counter);
        size = counter.size();
    }

private:
    void pack(memory_packer& archive) const {
        std::apply([&](const auto&... each) { (pack_one(archive, each), ...); }, values_);
    }
    static void write_all(const argument_source& self, std::byte* at) {
        memory_packer archive(at, self.size);
        static_cast<const packed_arguments&>(self).pack(archive);
        archive.end();
    }

    std::tuple<Stored...> values_;
};

template <class T>
void pack_result(result_place& place, const T& value) {
    memory_packer counter;
    pack_one(counter, value);
    memory_packer archive(place.room(counter.size()), counter.size());
    pack_one(archive, value);
    archive.end();
}

template <auto F, class List>
struct process_call_of;

template <auto F, class... P>
struct process_call_of<F, parameter_list<P...>> {
    static_assert(
        (crosses_processes<P> && ...),
        "bide: a function for a process pool takes values, const references and views of bytes; a pointer or "
        "a reference to something that it changes means nothing in another process");
    using result = std::invoke_result_t<decltype(F), P...>;
    static_assert(
        !std::is_reference_v<result> && !std::is_pointer_v<result>,
        "bide: a function for a process pool returns a value; a pointer or reference means nothing here");
    static_assert(
        std::is_void_v<result> || std::is_default_constructible_v<result>,
        "bide: the result of a function for a process pool needs a default constructor, as cereal does");

    template <class... Args>
    static auto pack(Args&... args) {
        static_assert(sizeof...(Args) == sizeof...(P), "bide: wrong number of arguments for this function");
        return packed_arguments<decltype(to_stored<stored_parameter<P>>(args))...>(
            to_stored<stored_parameter<P>>(args)...);
    }

    static void run(std::string_view bytes, result_place& place) {
        unpacker archive(bytes);
        std::tuple<stored_parameter<P>...> values;
        std::apply([&](auto&... each) { (unpack_one(archive, each), ...); }, values);
        if (archive.left() != 0) throw std::invalid_argument("the packed arguments are too long");
        call(place, values, std::index_sequence_for<P...>());
    }

private:
    template <std::size_t... I>
    static void call(result_place& place, [[maybe_unused]] std::tuple<stored_parameter<P>...>& values,
                     std::index_sequence<I...>) {
        if constexpr (std::is_void_v<result>) {
            F(to_argument<P>(std::get<I>(values))...);
        } else {
            const result value = F(to_argument<P>(std::get<I>(values))...);
            pack_result(place, value);
        }
    }
};

template <auto F>
constexpr std::string_view name_of_function() noexcept {
    return __PRETTY_FUNCTION__;
}

template <auto F, class Call>
struct function_record {
    static constexpr process_function value{process_function::the_mark, hash_of(name_of_function<F>()),
                                            name_of_function<F>(), &Call::run};
};

template <auto F, class... Args>
using call_for = process_call_of<F, decltype(find_parameters<std::remove_const_t<decltype(F)>, Args...>())>;

}  // namespace bide::detail

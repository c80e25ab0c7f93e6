// bide/core: the rare paths of generators: misuse, and the end by close.
#include <bide/generator.hpp>

#include <string>
#include <typeinfo>

namespace bide::detail {

void throw_executing(const char* call) {
    throw invalid_state_error(std::string(call) +
                              ": the generator is already executing, its body must not use it");
}

void throw_moved_generator() { throw invalid_state_error("this generator is empty: it was moved from"); }

void throw_not_started(const char* kind) {
    throw invalid_state_error(std::string("send: the ") + kind +
                              " has not started, so no yield waits for a value; call next() first");
}

void throw_nothing_to_send(const char* kind) {
    throw invalid_state_error(std::string("next: the ") + kind +
                              "'s yield expects a value of a type that has no default; call send(value)");
}

void throw_ignored_exit(const char* kind) {
    throw invalid_state_error(
        std::string(kind) +
        " ignored generator_exit: it yielded while being closed; leave the body when a yield throws");
}

void throw_no_result() {
    throw invalid_state_error("result: the generator has not ended with co_return; look at done() first");
}

void throw_stop_iteration() { throw stop_iteration(); }

void check_error(const std::exception_ptr& error) {
    if (!error) throw std::invalid_argument("throw_exception: the exception pointer is null");
}

bool is_generator_exit(const std::exception_ptr& error) noexcept {
    return error != nullptr && *error.__cxa_exception_type() == typeid(generator_exit);
}

std::exception_ptr escaped_exception(const char* kind) noexcept {
    const std::exception_ptr error = std::current_exception();
    const std::type_info& type = *error.__cxa_exception_type();
    const bool stops = type == typeid(stop_iteration);
    if (!stops && type != typeid(stop_async_iteration)) return error;
    try {
        std::throw_with_nested(invalid_state_error(std::string("the ") + kind + " threw " +
                                                   (stops ? "stop_iteration" : "stop_async_iteration") +
                                                   "; to end it, use co_return"));
    } catch (...) { return std::current_exception(); }
}

void generator_base::close() {
    check_call("close");
    if (state_ == generator_state::created) state_ = generator_state::finished;
    if (state_ == generator_state::finished) return;
    error_ = std::make_exception_ptr(generator_exit());
    resume();
    if (state_ == generator_state::suspended) throw_ignored_exit("generator");
    const std::exception_ptr error = take_error();
    if (error && !is_generator_exit(error)) std::rethrow_exception(error);
}

}  // namespace bide::detail

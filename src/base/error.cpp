// bide/base: texts and key functions of the exceptions.
#include <bide/error.hpp>

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <typeinfo>
#include <utility>

namespace bide {

base_exception::~base_exception() = default;

cancelled_error::cancelled_error(std::string message) : message_(std::move(message)) {}
cancelled_error::~cancelled_error() = default;
const char* cancelled_error::what() const noexcept {
    return message_.empty() ? "cancelled" : message_.c_str();
}

keyboard_interrupt::~keyboard_interrupt() = default;
const char* keyboard_interrupt::what() const noexcept { return "interrupted from the keyboard"; }

system_exit::~system_exit() = default;
const char* system_exit::what() const noexcept { return "exit requested"; }

generator_exit::~generator_exit() = default;
const char* generator_exit::what() const noexcept { return "generator closed"; }

timeout_error::timeout_error(const std::string& what)
    : std::system_error(std::make_error_code(std::errc::timed_out), what), text_(what) {}
timeout_error::~timeout_error() = default;

invalid_state_error::invalid_state_error(const std::string& what) : std::runtime_error(what) {}
invalid_state_error::~invalid_state_error() = default;

namespace {
std::string incomplete_read_text(const std::string& partial, std::optional<std::size_t> expected) {
    std::string text = std::to_string(partial.size()) + " bytes read before the end of the stream";
    if (expected) return text + ", " + std::to_string(*expected) + " expected";
    return text + ", no separator among them";
}
}  // namespace

incomplete_read_error::incomplete_read_error(std::string partial, std::optional<std::size_t> expected)
    : std::runtime_error(incomplete_read_text(partial, expected)),
      partial_(std::move(partial)),
      expected_(expected) {}
incomplete_read_error::~incomplete_read_error() = default;

limit_overrun_error::limit_overrun_error(const std::string& what, std::size_t consumed)
    : std::runtime_error(what), consumed_(consumed) {}
limit_overrun_error::~limit_overrun_error() = default;

queue_full::queue_full() : std::runtime_error("the queue is full") {}
queue_full::~queue_full() = default;
queue_empty::queue_empty() : std::runtime_error("the queue is empty") {}
queue_empty::~queue_empty() = default;
queue_shut_down::queue_shut_down() : std::runtime_error("the queue was shut down") {}
queue_shut_down::~queue_shut_down() = default;

broken_barrier_error::broken_barrier_error(const std::string& what) : std::runtime_error(what) {}
broken_barrier_error::~broken_barrier_error() = default;
broken_executor::broken_executor(const std::string& what) : std::runtime_error(what) {}
broken_executor::~broken_executor() = default;
broken_thread_pool::broken_thread_pool(const std::string& what) : broken_executor(what) {}
broken_thread_pool::~broken_thread_pool() = default;

stop_iteration::stop_iteration() : std::runtime_error("the generator has ended") {}
stop_iteration::~stop_iteration() = default;
stop_async_iteration::stop_async_iteration() : std::runtime_error("the async generator has ended") {}
stop_async_iteration::~stop_async_iteration() = default;

deadlock_error::deadlock_error(const std::string& tree) : std::runtime_error(tree) {}
deadlock_error::~deadlock_error() = default;

exception_group::exception_group(std::string message, std::vector<std::exception_ptr> errors)
    : message_(std::move(message)), errors_(std::move(errors)) {
    what_ = message_ + " (" + std::to_string(errors_.size()) + (errors_.size() == 1 ? " error)" : " errors)");
    for (const auto& error : errors_) what_ += "\n  - " + describe_exception(error);
}
exception_group::~exception_group() = default;

bool exception_group::has_base_exception() const noexcept {
    for (const auto& error : errors_) {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception&) {
        } catch (...) { return true; }
    }
    return false;
}

std::optional<exception_group> exception_group::pick(bool (*matches)(const std::exception_ptr&),
                                                     bool wanted) const {
    std::vector<std::exception_ptr> picked;
    for (const auto& error : errors_) {
        if (matches(error)) {
            if (wanted) picked.push_back(error);
            continue;
        }
        try {
            std::rethrow_exception(error);
        } catch (const exception_group& inner) {
            if (auto part = inner.pick(matches, wanted)) picked.push_back(std::make_exception_ptr(*part));
        } catch (...) {
            if (!wanted) picked.push_back(error);
        }
    }
    if (picked.empty()) return std::nullopt;
    return exception_group(message_, std::move(picked));
}

std::string describe_exception(const std::exception_ptr& error) {
    if (!error) return "no exception";
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) { return e.what(); } catch (const base_exception& e) {
        return e.what();
    } catch (...) {
        const std::type_info* const type = abi::__cxa_current_exception_type();
        if (type == nullptr) return "an exception of unknown type";
        int status = 0;
        const std::unique_ptr<char, void (*)(void*)> name(
            abi::__cxa_demangle(type->name(), nullptr, nullptr, &status), std::free);
        return std::string("an exception of type ") + (name ? name.get() : type->name());
    }
}

std::error_code error_code_of(const std::exception_ptr& error) noexcept {
    if (!error) return {};
    try {
        std::rethrow_exception(error);
    } catch (const std::system_error& e) { return e.code(); } catch (const cancelled_error&) {
        return std::make_error_code(std::errc::operation_canceled);
    } catch (const std::bad_alloc&) {
        return std::make_error_code(std::errc::not_enough_memory);
    } catch (const std::invalid_argument&) {
        return std::make_error_code(std::errc::invalid_argument);
    } catch (const invalid_state_error&) {
        return std::make_error_code(std::errc::operation_not_permitted);
    } catch (...) { return std::make_error_code(std::errc::state_not_recoverable); }
}

}  // namespace bide

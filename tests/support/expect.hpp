// bide/tests: what tests of messages, reports and lifetimes share.
#pragma once

#include <gtest/gtest.h>

#include <bide/error.hpp>
#include <bide/loop.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bide_test {

/// Whether the text holds every part, in this order.
template <class... Parts>
testing::AssertionResult has(const std::string& text, const Parts&... parts) {
    std::size_t at = 0;
    for (const std::string& part : {std::string(parts)...}) {
        const std::size_t found = text.find(part, at);
        if (found == std::string::npos)
            return testing::AssertionFailure() << "no \"" << part << "\" in: " << text;
        at = found + part.size();
    }
    return testing::AssertionSuccess();
}

/// what() of the Error that fn throws; a text that says so when it throws nothing.
template <class Error, class F>
std::string thrown(F&& fn) {
    try {
        static_cast<void>(fn());
    } catch (const Error& e) { return e.what(); }
    return "(nothing was thrown)";
}

/// Collects what reaches the exception handler of a loop, also after the test body has ended.
class report_log {
public:
    explicit report_log(bide::event_loop& loop) {
        loop.set_exception_handler([kept = seen_](bide::event_loop&, const bide::exception_context& context) {
            kept->push_back(context);
        });
    }
    [[nodiscard]] std::size_t size() const { return seen_->size(); }
    [[nodiscard]] const bide::exception_context& operator[](std::size_t i) const { return seen_->at(i); }
    [[nodiscard]] std::string text() const {
        std::string all;
        for (const bide::exception_context& each : *seen_) {
            all += each.message + "|" + each.task + "|" + each.where;
            if (each.exception) all += "|" + bide::describe_exception(each.exception);
            all += "\n";
        }
        return all;
    }

private:
    std::shared_ptr<std::vector<bide::exception_context>> seen_ =
        std::make_shared<std::vector<bide::exception_context>>();
};

/// Appends its name to a log when it is destroyed.
class noted {
public:
    noted(std::vector<std::string>& log, std::string name) : log_(&log), name_(std::move(name)) {}
    noted(noted&& other) noexcept : log_(std::exchange(other.log_, nullptr)), name_(std::move(other.name_)) {}
    noted& operator=(noted&&) = delete;
    ~noted() {
        if (log_ != nullptr) log_->push_back(name_);
    }

private:
    std::vector<std::string>* log_;
    std::string name_;
};

}  // namespace bide_test

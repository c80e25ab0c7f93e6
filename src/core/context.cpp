// bide/core: context variables as small immutable maps, copied when one is set.
#include <bide/context.hpp>

#include <bide/detail/core/task_base.hpp>

#include <algorithm>
#include <vector>

namespace bide::detail {

namespace {

struct context_map final : context_data {
    // A program has few context variables, so a sorted vector is faster to copy and to search than a tree.
    std::vector<std::pair<const void*, context_value>> values;

    context_map() {
        destroy = [](context_data* self) noexcept { delete static_cast<context_map*>(self); };
    }
};

// On a thread that runs no loop: the context of the context_scope it is in.
constinit thread_local context_data** thread_context = nullptr;

context_data* current_data() noexcept {
    if (this_loop != nullptr) return this_loop->context;
    return thread_context == nullptr ? nullptr : *thread_context;
}

const context_map* current() noexcept { return static_cast<const context_map*>(current_data()); }

const context_value* lookup(const void* key) noexcept {
    const context_map* const map = current();
    if (map == nullptr) return nullptr;
    const auto at =
        std::lower_bound(map->values.begin(), map->values.end(), key,
                         [](const auto& each, const void* wanted) { return each.first < wanted; });
    return at != map->values.end() && at->first == key ? &at->second : nullptr;
}

// Who owns the context that is current: the task, else the loop on behalf of the callback that it runs.
context_data*& slot_to_set() {
    if (this_loop == nullptr) return *thread_context;
    if (this_loop->current != nullptr) return this_loop->current->more().context;
    return this_loop->context;
}

}  // namespace

context_value get_context_value(const void* key) noexcept {
    const context_value* const held = lookup(key);
    return held == nullptr ? nullptr : *held;
}

const void* peek_context_value(const void* key) noexcept {
    const context_value* const held = lookup(key);
    return held == nullptr ? nullptr : held->get();
}

void set_context_value(const void* key, context_value value) {
    if (this_loop == nullptr && thread_context == nullptr) {
        throw invalid_state_error(
            "context_var::set: no event loop is running in this thread, so there is no context to "
            "set the variable in; call it from a task or callback");
    }
    auto next = std::make_unique<context_map>();
    if (const context_map* const now = current()) next->values = now->values;
    auto& values = next->values;
    const auto at =
        std::lower_bound(values.begin(), values.end(), key,
                         [](const auto& each, const void* wanted) { return each.first < wanted; });
    const bool held = at != values.end() && at->first == key;
    if (value == nullptr) {
        if (held) values.erase(at);
    } else if (held) {
        at->second = std::move(value);
    } else {
        values.emplace(at, key, std::move(value));
    }
    context_data*& slot = slot_to_set();
    context_data* const before = std::exchange(slot, next.release());
    if (this_loop != nullptr) this_loop->context = slot;
    release(before);  // last: the destructors of its values may look at the context
}

context_scope::context_scope(context_data* copied) noexcept
    : context_(retain(copied)), before_(thread_context) {
    thread_context = &context_;
}

context_scope::~context_scope() {
    thread_context = before_;
    release(context_);
}

}  // namespace bide::detail

namespace bide {

context copy_context() noexcept { return context(detail::current_data()); }

}  // namespace bide

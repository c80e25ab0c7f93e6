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

const context_map* current() noexcept {
    return this_loop == nullptr ? nullptr : static_cast<const context_map*>(this_loop->context);
}

const context_value* lookup(const void* key) noexcept {
    const context_map* const map = current();
    if (map == nullptr) return nullptr;
    const auto at = std::lower_bound(map->values.begin(), map->values.end(), key,
                                     [](const auto& each, const void* wanted) { return each.first < wanted; });
    return at != map->values.end() && at->first == key ? &at->second : nullptr;
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
    if (this_loop == nullptr || this_loop->current == nullptr) {
        throw invalid_state_error("context_var::set: only a running task has a context to set the variable in");
    }
    auto next = std::make_unique<context_map>();
    if (const context_map* const now = current()) next->values = now->values;
    auto& values = next->values;
    const auto at = std::lower_bound(values.begin(), values.end(), key,
                                     [](const auto& each, const void* wanted) { return each.first < wanted; });
    const bool held = at != values.end() && at->first == key;
    if (value == nullptr) {
        if (held) values.erase(at);
    } else if (held) {
        at->second = std::move(value);
    } else {
        values.emplace(at, key, std::move(value));
    }
    context_data*& slot = this_loop->current->more().context;
    release(slot);
    slot = next.release();
    this_loop->context = slot;
}

}  // namespace bide::detail

namespace bide {

context copy_context() noexcept {
    return detail::this_loop == nullptr ? context() : context(detail::this_loop->context);
}

}  // namespace bide

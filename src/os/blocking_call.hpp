// bide/os: any call that may block, as an operation.
#pragma once

#include <new>

namespace bide::detail {

// What call_op performs: run() is called on a worker thread, once, and its result is the operation's.
struct blocking_call {
    int (*run)(blocking_call&) noexcept;
};

// Calls a function object that stays where it is. It returns -errno on failure and throws nothing but std::bad_alloc.
template <class F>
struct blocking_call_to : blocking_call {
    explicit blocking_call_to(F& what) noexcept : blocking_call{&call}, fn(&what) {}

    static int call(blocking_call& self) noexcept {
        try {
            return (*static_cast<blocking_call_to&>(self).fn)();
        } catch (const std::bad_alloc&) { return -12 /* ENOMEM */; }
    }

    F* fn;
};

}  // namespace bide::detail

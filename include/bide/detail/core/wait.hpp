// bide/core: what a suspended task waits for.
#pragma once

#include <string>

namespace bide::detail {

struct task_base;
struct future_core;
struct wait;

// The answer to "stop waiting, you are cancelled".
enum class cancel_outcome {
    withdrawn,  // the wait is taken back; the caller wakes the task, whose await throws
    requested,  // passed on; the wait will end by itself, perhaps with a result all the same
    too_late,   // the wait is over already: the cancellation is thrown when the task resumes
};

// One constant record per kind of wait. A plain structure, because it is also read from outside the process.
struct wait_kind {
    const char* name;  // "sleep", "lock.acquire"
    cancel_outcome (*cancel)(wait&, task_base&) noexcept;
    // The frame is being destroyed while it waits: leave every list, wake nobody. For operations: ask for the end.
    void (*detach)(wait&, task_base&) noexcept;
    // The task or future that is waited for, where it is one.
    const future_core* (*awaited)(const wait&) noexcept = nullptr;
};

// Lives in the awaiting frame for as long as the task is suspended there.
struct wait {
    const wait_kind* kind;
};

}  // namespace bide::detail

// bide/base: the only place that asks which compiler this is.
#pragma once

// Checked builds (the dev, sanitizer and gcc presets) verify threads, lifetimes and states that release builds trust.
// No type changes its layout with this switch, so checked and unchecked translation units can be linked together.
#ifndef BIDE_CHECKED
#define BIDE_CHECKED 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define BIDE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BIDE_ASAN 1
#endif
#endif
#ifndef BIDE_ASAN
#define BIDE_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define BIDE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BIDE_TSAN 1
#endif
#endif
#ifndef BIDE_TSAN
#define BIDE_TSAN 0
#endif

// GCC 12 turns symmetric transfer into ordinary calls under its address and thread sanitizers (GCC bug 100897), so
// a loop of awaits that complete at once would overflow the stack. There the next frame is handed to a driver loop.
// Without optimisation the CMake target adds -foptimize-sibling-calls, which is enough.
#ifndef BIDE_TRAMPOLINE
#if defined(__GNUC__) && !defined(__clang__) && (BIDE_ASAN || BIDE_TSAN)
#define BIDE_TRAMPOLINE 1
#else
#define BIDE_TRAMPOLINE 0
#endif
#endif

#if defined(__GNUC__)
#define BIDE_NOINLINE __attribute__((noinline))
#define BIDE_COLD __attribute__((noinline, cold))
#define BIDE_INLINE inline __attribute__((always_inline))
#define BIDE_PREFETCH(at) __builtin_prefetch(at)
#else
#define BIDE_NOINLINE
#define BIDE_COLD
#define BIDE_INLINE inline
#define BIDE_PREFETCH(at) static_cast<void>(at)
#endif

// bide/testing: the rules of streams, each a coroutine that throws when a pair of ends breaks it.
#pragma once

#include <bide/coro.hpp>
#include <bide/testing/stream_conformance.hpp>

#include <memory>
#include <span>
#include <string>

namespace bide::testing::detail {

// Shared with the tasks that a rule starts, so that they outlive it safely when it throws or is cancelled.
using shared_pair = std::shared_ptr<stream_pair>;

enum class rule_for { all, two_way, half_close, no_half_close };

struct stream_rule {
    const char* name;
    coro<void> (*check)(shared_pair pair);
    rule_for kind = rule_for::all;
};

std::span<const stream_rule> reading_rules();
std::span<const stream_rule> writing_rules();
std::span<const stream_rule> ending_rules();

// Throws test_failure with `what` unless `holds`.
inline void require(bool holds, const std::string& what) {
    if (!holds) throw test_failure(what);
}
void require_text(const std::string& got, const std::string& wanted, const std::string& what);

// Bytes in which each place differs from its neighbours.
std::string pattern(std::size_t size);

// The near end writes all of it, then waits until there is room again.
coro<void> send_all(shared_pair pair, std::string bytes);

// A message there and, where there is a way, back; then the end. For the sweeps.
coro<void> exchange(shared_pair pair);

}  // namespace bide::testing::detail

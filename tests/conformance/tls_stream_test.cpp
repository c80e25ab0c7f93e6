// bide/testing: TLS keeps every rule of streams, over sockets, in memory and inside itself.
#include <bide/testing/stream_conformance.hpp>

#include <gtest/gtest.h>

#include <bide/testing/memory_stream.hpp>

#include "support/tls_ends.hpp"

namespace {

using bide::testing::memory_options;
using bide::testing::stream_pair;
using bide_test::certificates;
using bide_test::connection_ends;

bide::coro<stream_pair> encrypted_pair(connection_ends plain, bide::tls_version newest) {
    bide::tls_context client = certificates::get().client();
    client.maximum_version(newest);
    auto work = bide_test::encrypted(std::move(plain), client, certificates::get().server());
    connection_ends ends = co_await std::move(work);
    co_return stream_pair(std::move(ends.client), std::move(ends.server));
}

bide::coro<stream_pair> over_sockets() {
    return encrypted_pair(bide_test::plain_ends(), bide::tls_version::tls1_3);
}

bide::coro<stream_pair> older() { return encrypted_pair(bide_test::plain_ends(), bide::tls_version::tls1_2); }

bide::coro<stream_pair> in_memory(memory_options options) {
    bool made = true;
    auto plain = bide::testing::memory_streams(options);
    auto work = encrypted_pair(connection_ends(std::move(plain.first), std::move(plain.second)),
                               bide::tls_version::tls1_3);
    stream_pair ends = co_await std::move(work);
    static_cast<void>(made);
    co_return ends;
}

bide::coro<stream_pair> in_pieces() {
    memory_options options;
    options.pieces({1, 2, 700, 3, 65536}).capacity(20'000);
    return in_memory(options);
}

bide::coro<stream_pair> in_itself() {
    auto outer = co_await bide_test::tls_ends();
    auto work = encrypted_pair(std::move(outer), bide::tls_version::tls1_3);
    stream_pair ends = co_await std::move(work);
    co_return ends;
}

struct kind {
    const char* name;
    bide::coro<stream_pair> (*make)();
};

const kind kinds[] = {
    {"tls_1_3", over_sockets}, {"tls_1_2", older}, {"tls_in_pieces", in_pieces}, {"tls_in_tls", in_itself}};

const bide::testing::stream_traits traits = bide::testing::stream_traits().half_close(false);

class rule_test : public testing::Test {
public:
    rule_test(const kind& what, std::string rule) : kind_(what), rule_(std::move(rule)) {}
    void TestBody() override { bide::testing::check_stream_rule(rule_, kind_.make, traits); }

private:
    const kind& kind_;
    std::string rule_;
};

[[maybe_unused]] const bool registered = [] {
    for (const kind& each : kinds) {
        for (const std::string& rule : bide::testing::stream_rules(traits)) {
            testing::RegisterTest(("stream_" + std::string(each.name)).c_str(), rule.c_str(), nullptr,
                                  nullptr, __FILE__, __LINE__,
                                  [&each, rule]() -> testing::Test* { return new rule_test(each, rule); });
        }
    }
    return true;
}();

}  // namespace

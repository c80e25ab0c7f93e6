// bide/net: start_tls() that begins inside the call that brought the bytes before it.
#include <bide/create_connection.hpp>

#include "net/transport_support.hpp"
#include "support/async_test.hpp"
#include "support/tls_certificates.hpp"

namespace {

using bide_test::certificates;
using bide_test::hall;
using bide_test::make_recorder;
using bide_test::recorder;
using events = recorder::events;

class eager_server : public recorder {
public:
    void data_received(std::string_view data) override {
        recorder::data_received(data);
        if (data != "STARTTLS") return;
        over.write("go ahead");
        bide::create_task(encrypt(), bide::task_options().eager_start(true));
    }
    bide::coro<void> encrypt() {
        const bide::transport plain = over;
        over = co_await bide::start_tls(plain, certificates::get().server());
    }
};

BIDE_TEST(start_tls_transport, may_begin_inside_data_received) {
    hall<eager_server> house;
    co_await house.open();
    auto connecting = bide::create_connection(make_recorder, house.where());
    auto [plain, client] = co_await std::move(connecting);
    plain.write("STARTTLS");
    co_await client->arrived.wait();
    const auto host = bide::start_tls_options().server_hostname("localhost");
    auto encrypting = bide::start_tls(plain, certificates::get().client(), host);
    const bide::transport over = co_await std::move(encrypting);
    auto guest = co_await house.first();
    over.write("secret");
    over.close();
    co_await client->gone.wait();
    co_await guest->gone.wait();
    const events all{"made", "data STARTTLS", "data secret", "eof", "lost"};
    EXPECT_EQ(guest->calls, all);
    co_await house.close();
}

}  // namespace

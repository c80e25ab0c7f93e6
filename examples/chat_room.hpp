// bide/examples: a chat room that serves any stream; chat_tls.cpp puts it on the net.
#pragma once

#include <bide/bide.hpp>

#include <chrono>
#include <set>
#include <string>

class room {
public:
    // [serve]
    bide::coro<void> serve(bide::stream_reader reader, bide::stream_writer writer) {
        guest self(*this);
        if (closed_) co_return;
        try {
            self.mail.put_nowait("Your name?\n");
            co_await bide::with_task_group([&](bide::task_group& group) -> bide::coro<void> {
                auto listening = group.create_task(listen(self, reader));
                co_await send(self, writer);  // until the mail is shut down
                listening.cancel();
            });
        } catch (const bide::exception_group&) {
            writer.abort();  // the connection broke, or took nothing for too long
        }
    }
    // [/serve]

    // [close]
    void close() {
        closed_ = true;
        tell_all("* the room closes\n");
        for (guest* each : guests_) each->mail.shutdown();  // what is in it is still sent
    }
    // [/close]

private:
    // [guest]
    // Somebody with a connection: in the room from the constructor to the destructor.
    class guest {
    public:
        explicit guest(room& in) : in_(in) { in_.guests_.insert(this); }
        ~guest() {
            in_.guests_.erase(this);
            if (!name.empty()) in_.tell_all("* " + name + " has left\n");
        }
        guest(const guest&) = delete;
        guest& operator=(const guest&) = delete;

        std::string name;                    // empty until it is told
        bide::queue<std::string> mail{100};  // lines on their way to the guest

    private:
        room& in_;
    };

    void tell_all(const std::string& line) {
        for (guest* each : guests_) {
            // Who is a hundred lines behind misses some; who is leaving misses the rest.
            try {
                each->mail.put_nowait(line);
            } catch (const bide::queue_full&) {
            } catch (const bide::queue_shut_down&) {}
        }
    }
    // [/guest]

    // [loops]
    bide::coro<void> listen(guest& self, bide::stream_reader& reader) {
        while (auto line = co_await reader.next_line()) {
            if (!self.name.empty()) {
                tell_all(self.name + ": " + *line);
            } else if (line->size() > 1) {
                self.name = line->substr(0, line->size() - 1);
                tell_all("* " + self.name + " has come\n");
            }
        }
        self.mail.shutdown();  // the guest has left: that ends send()
    }

    bide::coro<void> send(guest& self, bide::stream_writer& writer) {
        try {
            for (;;) {
                const std::string line = co_await self.mail.get();
                writer.write(line);
                co_await bide::wait_for(writer.drain(), std::chrono::seconds(10));
            }
        } catch (const bide::queue_shut_down&) {}  // nothing more will come
    }
    // [/loops]

    std::set<guest*> guests_;
    bool closed_ = false;
};

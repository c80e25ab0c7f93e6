// bide/net: the bytes of a TLS engine as OpenSSL sees them.
#pragma once

#include <cstddef>
#include <string>

#include "net/receive_buffer.hpp"

struct bio_st;

namespace bide::detail {

// What the peer sent and OpenSSL has not taken, and where what the peer is to get is appended. OpenSSL's own memory
// BIOs would copy every byte once more and keep their buffers in idle connections.
struct tls_pipe {
    receive_buffer input;
    std::string* output = nullptr;  // during a call of the engine
    std::size_t without_data = 0;   // taken since the last byte for the application came of it
};

// Reads from and writes to the pipe, which outlives it. Never has to wait to write.
bio_st* make_tls_bio(tls_pipe& pipe);

}  // namespace bide::detail

// bide/net: the bytes of a TLS engine as OpenSSL sees them.
#include "net/tls_bio.hpp"

#include <openssl/bio.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace bide::detail {

namespace {

int take(BIO* bio, char* into, std::size_t room, std::size_t* taken) {
    auto& pipe = *static_cast<tls_pipe*>(::BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const std::string_view input = pipe.input.view();
    *taken = std::min(room, input.size());
    if (*taken == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    std::memcpy(into, input.data(), *taken);
    pipe.input.pass(*taken);
    pipe.without_data += *taken;
    return 1;
}

// No exception may pass through OpenSSL: without memory it is told that the write failed, and the engine fails.
int give(BIO* bio, const char* data, std::size_t size, std::size_t* given) {
    auto& pipe = *static_cast<tls_pipe*>(::BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    *given = 0;
    if (pipe.output == nullptr) return 0;
    try {
        pipe.output->append(data, size);
    } catch (const std::bad_alloc&) { return 0; }
    *given = size;
    return 1;
}

long control(BIO* bio, int what, long, void*) {
    switch (what) {
        case BIO_CTRL_FLUSH:
        case BIO_CTRL_DUP: return 1;
        case BIO_CTRL_PENDING:
            return static_cast<long>(static_cast<tls_pipe*>(::BIO_get_data(bio))->input.size());
        default: return 0;
    }
}

BIO_METHOD* make_method() {
    BIO_METHOD* const made = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bide");
    if (made == nullptr) throw std::bad_alloc();
    ::BIO_meth_set_read_ex(made, take);
    ::BIO_meth_set_write_ex(made, give);
    ::BIO_meth_set_ctrl(made, control);
    return made;
}

}  // namespace

bio_st* make_tls_bio(tls_pipe& pipe) {
    static const BIO_METHOD* const method = make_method();  // never freed: connections may outlive main()
    BIO* const bio = ::BIO_new(method);
    if (bio == nullptr) throw std::bad_alloc();
    ::BIO_set_data(bio, &pipe);
    ::BIO_set_init(bio, 1);
    return bio;
}

}  // namespace bide::detail

// bide/bench: load of short TLS connections: `tls_connect_load PORT CONNECTIONS SIZE SECONDS [SERVER_PID]`.
//
// As connect_load, with a whole TLS 1.3 handshake for each connection: no session is resumed. A client has more to compute
// than the server, which is not busy all the time: the figure to look at is its processor time.
#include "../connect_clients.hpp"
#include "../tls_connection.hpp"

int main(int argc, char** argv) {
    return load::connect_main<load::tls_connection>("tls connect", argc, argv);
}

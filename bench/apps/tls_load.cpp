// bide/bench: load for TLS echo servers: `tls_load PORT CONNECTIONS SIZE SECONDS [DEPTH] [SERVER_PID]`.
//
// As echo_load, with TLS 1.3. It encrypts and decrypts as much as the server and cannot be much lighter: the figure to
// look at is the server's processor time.
#include "../echo_clients.hpp"
#include "../tls_connection.hpp"

int main(int argc, char** argv) { return load::echo_main<load::tls_connection>("tls", argc, argv); }

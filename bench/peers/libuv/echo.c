// bide/bench: an echo server on libuv: `libuv_echo PORT`.
//
// One buffer serves all connections, since libuv asks for it right before each read. What arrived is written at once
// as far as the socket takes it; only the rest is copied into a write request.
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static char buffer[256 * 1024];

struct rest {
    uv_write_t request;
    char bytes[];
};

static void on_close(uv_handle_t* handle) { free(handle); }

static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* out) {
    (void)handle;
    (void)suggested;
    *out = uv_buf_init(buffer, sizeof buffer);
}

static void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* from);

static void on_written(uv_write_t* request, int status) {
    uv_stream_t* stream = request->handle;
    free(request);
    if (uv_is_closing((uv_handle_t*)stream)) return;
    if (status < 0)
        uv_close((uv_handle_t*)stream, on_close);
    else
        uv_read_start(stream, on_alloc, on_read);
}

static void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* from) {
    if (size == 0) return;
    if (size < 0) {
        uv_close((uv_handle_t*)stream, on_close);
        return;
    }
    uv_buf_t piece = uv_buf_init(from->base, (unsigned)size);
    int sent = uv_try_write(stream, &piece, 1);
    if (sent == size) return;
    if (sent < 0 && sent != UV_EAGAIN) {
        uv_close((uv_handle_t*)stream, on_close);
        return;
    }
    if (sent < 0) sent = 0;
    size_t left = (size_t)(size - sent);
    struct rest* rest = malloc(sizeof *rest + left);
    if (!rest) abort();
    memcpy(rest->bytes, from->base + sent, left);
    piece = uv_buf_init(rest->bytes, (unsigned)left);
    uv_read_stop(stream);  // until the rest is out
    uv_write(&rest->request, stream, &piece, 1, on_written);
}

static void on_connection(uv_stream_t* listener, int status) {
    if (status < 0) return;
    uv_tcp_t* client = malloc(sizeof *client);
    if (!client) abort();
    uv_tcp_init(listener->loop, client);
    if (uv_accept(listener, (uv_stream_t*)client) != 0) {
        uv_close((uv_handle_t*)client, on_close);
        return;
    }
    uv_tcp_nodelay(client, 1);
    uv_read_start((uv_stream_t*)client, on_alloc, on_read);
}

int main(int argc, char** argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 2;
    }
    uv_loop_t* loop = uv_default_loop();
    uv_tcp_t listener;
    struct sockaddr_in where;
    uv_ip4_addr("127.0.0.1", atoi(argv[1]), &where);
    uv_tcp_init(loop, &listener);
    uv_tcp_bind(&listener, (const struct sockaddr*)&where, 0);
    if (uv_listen((uv_stream_t*)&listener, 4096, on_connection) != 0) return 1;
    puts("ready");
    fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);
}

"""fetch from Python's own HTTP server, and what it says when that goes wrong."""

import http.server
import socket
import threading

import peers
from peers import Program, equal


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        equal(self.headers["Host"].split(":")[0], "localhost")
        self.send_response(200)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (b"first\n", b"second\n", b"x" * 100_000 + b"\n", b""):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        else:
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"plain\n")

    def log_message(self, *_):
        pass


def pages_of_both_kinds():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://localhost:{server.server_port}"
        with Program("fetch", base) as fetch:
            fetch.wait_for("plain")
            equal(fetch.end(), 0)
        with Program("fetch", base + "/chunked") as fetch:
            for line in ("HTTP/1.1 200 OK", "first", "second", "x" * 100_000):
                fetch.wait_for(f"^{line}$")
            equal(fetch.end(), 0)
        server.shutdown()


def failures_are_named():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with Program("fetch", f"http://127.0.0.1:{port}/") as fetch:
            fetch.wait_for(f"fetch: connect 127.0.0.1:{port}: Connection refused")
            equal(fetch.end(), 1)
    with Program("fetch", "http://no.such.host.invalid/") as fetch:
        fetch.wait_for("fetch: .*no.such.host.invalid")
        equal(fetch.end(), 1)


peers.run(pages_of_both_kinds, failures_are_named)

"""tcp_proxy between curl and nginx, and with peers that end half, idle, crowd, reset or stay."""

import contextlib
import hashlib
import os
import signal
import socket
import struct
import subprocess
import threading

import peers
from peers import Folder, Program, connect, equal

NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr notice;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen 127.0.0.1:{port}; root {folder}/root; }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def nginx(folder):
    """Its port. Another program may take a port between its choice and its use: then another one is tried."""
    for _ in range(10):
        port = free_port()
        with open(folder + "/conf", "w", encoding="utf-8") as file:
            file.write(NGINX.format(folder=folder, port=port))
        with Program(peers.needed("nginx"), "-p", folder, "-c", folder + "/conf", "-e", "stderr") as server:
            if server.wait_for("start worker|epoll|emerg")[0] == "emerg":
                continue
            yield port
            return
    raise AssertionError("nginx does not start")


@contextlib.contextmanager
def proxy_to(port, *more):
    """The proxy and its port."""
    with Program("tcp_proxy", 0, "127.0.0.1", port, *more) as proxy:
        yield proxy, int(proxy.wait_for(r"relaying port (\d+) to 127\.0\.0\.1")[1])


@contextlib.contextmanager
def listener():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        sock.settimeout(peers.LIMIT)
        yield sock, sock.getsockname()[1]


def memory_of(program):
    """In KiB."""
    with open(f"/proc/{program.process.pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))


def accept(sock):
    far, _ = sock.accept()
    far.settimeout(peers.LIMIT)
    return far


def curl_gets_from_nginx():
    with Folder() as folder:
        os.mkdir(folder + "/root")
        content = os.urandom(5_000_000)
        with open(folder + "/root/big", "wb") as file:
            file.write(content)
        with nginx(folder) as far, proxy_to(far) as (proxy, port):
            got = subprocess.run([peers.needed("curl"), "-sS", "--fail", f"http://127.0.0.1:{port}/big"], check=True, capture_output=True,
                                 timeout=peers.LIMIT).stdout
            equal(hashlib.sha256(got).digest(), hashlib.sha256(content).digest())
            down = int(proxy.wait_for(r"127\.0\.0\.1:\d+: \d+ bytes up, (\d+) down, done")[1])
            assert down > len(content)
            # four at a time over connections that are kept
            command = ["curl", "-sS", "--no-progress-meter", "--fail", "--parallel", "--parallel-max", "4", *(8 * ["-o", os.devnull, f"http://127.0.0.1:{port}/big"])]
            subprocess.run(command, check=True, timeout=peers.LIMIT)


def each_half_ends_by_itself():
    with listener() as (far_listener, far_port), proxy_to(far_port) as (proxy, port):
        with connect(port) as near, accept(far_listener) as far:
            near.sendall(b"question")
            near.shutdown(socket.SHUT_WR)
            equal(peers.receive_all(far), b"question")
            far.sendall(b"answer")
            equal(peers.receive_until(near, "answer"), "answer")
            far.close()
            equal(near.recv(1), b"")
        proxy.wait_for("8 bytes up, 6 down, done")


def a_host_that_refuses_ends_the_connection():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        far_port = bound.getsockname()[1]
        with proxy_to(far_port) as (proxy, port), connect(port) as near:
            with contextlib.suppress(ConnectionResetError):
                equal(near.recv(1), b"")
            proxy.wait_for(f"0 bytes up, 0 down, connect 127.0.0.1:{far_port}: Connection refused")


def a_reset_is_told_and_ends_the_pair_only():
    with listener() as (far_listener, far_port), proxy_to(far_port) as (proxy, port):
        with connect(port) as witness, accept(far_listener) as witness_far:
            with connect(port) as near, accept(far_listener) as far:
                near.sendall(b"hello")
                equal(far.recv(5), b"hello")
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                near.close()
                with contextlib.suppress(ConnectionResetError):
                    equal(far.recv(1), b"")
                proxy.wait_for("5 bytes up, 0 down, .*reset by peer")
            witness.sendall(b"still there")
            equal(peers.receive_until(witness_far, "there"), "still there")


def an_idle_pair_is_cut():
    with listener() as (far_listener, far_port), proxy_to(far_port, 10, 1) as (proxy, port):
        with connect(port) as near, accept(far_listener) as far:
            with contextlib.suppress(ConnectionResetError):
                equal(near.recv(1), b"")
            with contextlib.suppress(ConnectionResetError):
                equal(far.recv(1), b"")
            proxy.wait_for("0 bytes up, 0 down, timed out")


def connections_beyond_the_limit_wait():
    with listener() as (far_listener, far_port), proxy_to(far_port, 1) as (proxy, port):
        with connect(port) as first, accept(far_listener) as first_far, connect(port) as second:
            second.sendall(b"me too")
            far_listener.settimeout(0.2)
            try:
                far_listener.accept()
                raise AssertionError("the second connection came through")
            except TimeoutError:
                pass
            far_listener.settimeout(peers.LIMIT)
            first.close()
            equal(first_far.recv(1), b"")
            first_far.close()
            with accept(far_listener) as second_far:
                equal(peers.receive_until(second_far, "too"), "me too")


def a_slow_reader_slows_its_sender():
    with listener() as (far_listener, far_port), proxy_to(far_port) as (proxy, port):
        with connect(port) as near, accept(far_listener) as far:
            size = 64 << 20
            before = memory_of(proxy)
            far.settimeout(0.5)
            sent = 0
            try:
                while sent < size:
                    sent += far.send(bytes(1 << 16))
            except TimeoutError:
                pass
            assert sent < size, "64 MiB went into a proxy that nobody reads from"
            grown = memory_of(proxy) - before
            assert grown < 32 << 10, f"the proxy grew by {grown} KiB"
            far.settimeout(peers.LIMIT)
            sender = threading.Thread(target=lambda: (far.sendall(bytes(size - sent)), far.shutdown(socket.SHUT_WR)))
            sender.start()
            equal(len(peers.receive_all(near)), size)
            sender.join()


def sigterm_waits_for_what_is_open():
    with listener() as (far_listener, far_port), proxy_to(far_port) as (proxy, port):
        with connect(port) as near, accept(far_listener) as far:
            near.sendall(b"begun")
            equal(far.recv(5), b"begun")
            proxy.signal(signal.SIGTERM)
            proxy.wait_for("stopping; 1 connections are open")
            try:
                connect(port).close()
                raise AssertionError("a proxy that stops takes connections")
            except ConnectionRefusedError:
                pass
            far.sendall(b"finished")
            equal(peers.receive_until(near, "finished"), "finished")
            near.close()
            far.close()
        proxy.wait_for("5 bytes up, 8 down, done")
        equal(proxy.end(), 0)


peers.run(curl_gets_from_nginx, each_half_ends_by_itself, a_host_that_refuses_ends_the_connection, a_reset_is_told_and_ends_the_pair_only,
          an_idle_pair_is_cut, connections_beyond_the_limit_wait, a_slow_reader_slows_its_sender, sigterm_waits_for_what_is_open)

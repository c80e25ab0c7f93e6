"""The echo examples against CPython's asyncio, in both roles, over TCP and unix sockets."""

import asyncio
import signal
import socket

import peers
from peers import Folder, Program, equal


async def converse(opening):
    reader, writer = await opening
    for size in (1, 1000, 60_000):
        line = b"x" * size + b"\n"
        writer.write(line)
        await writer.drain()
        equal(await reader.readline(), line)
    writer.write_eof()
    equal(await reader.read(), b"")
    writer.close()
    await writer.wait_closed()


async def converse_often(open_one):
    await asyncio.wait_for(asyncio.gather(*(converse(open_one()) for _ in range(50))), peers.LIMIT)


def asyncio_asks_our_server_over_tcp():
    with Program("echo_server", "0") as server:
        port = int(server.wait_for(r"listening on 127\.0\.0\.1:(\d+)")[1])
        asyncio.run(converse_often(lambda: asyncio.open_connection("127.0.0.1", port)))


def asyncio_asks_our_server_over_a_unix_socket():
    with Folder() as name, Program("echo_server", name + "/echo") as server:
        server.wait_for("listening on " + name)
        asyncio.run(converse_often(lambda: asyncio.open_unix_connection(name + "/echo")))


async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def our_client_asks(starting, where):
    server = await starting
    async with server:
        with Program("echo_client", where(server)) as client:
            line = await asyncio.to_thread(client.wait_for, "Received: Hello World!")
            assert line
            equal(await asyncio.to_thread(client.end), 0)


def our_client_asks_asyncio_over_tcp():
    asyncio.run(our_client_asks(asyncio.start_server(echo, "127.0.0.1", 0), lambda s: s.sockets[0].getsockname()[1]))


def our_client_asks_asyncio_over_a_unix_socket():
    with Folder() as name:
        asyncio.run(our_client_asks(asyncio.start_unix_server(echo, name + "/echo"), lambda s: name + "/echo"))


def our_client_asks_our_server():
    with Folder() as name, Program("echo_server", name + "/echo") as server:
        server.wait_for("listening on " + name)
        with Program("echo_client", name + "/echo") as client:
            client.wait_for("Received: Hello World!")
            equal(client.end(), 0)


def our_client_says_where_nobody_listens():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with Program("echo_client", port) as client:
            client.wait_for(f"echo_client: connect 127.0.0.1:{port}: Connection refused")
            equal(client.end(), 1)


def our_server_says_what_is_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Program("echo_server", port) as server:
            server.wait_for(f"echo_server: bind 127.0.0.1:{port}: Address already in use")
            equal(server.end(), 1)


def ctrl_c_ends_our_server_also_with_a_client():
    with Program("echo_server", "0") as server:
        port = int(server.wait_for(r":(\d+)")[1])
        with peers.connect(port) as idle:
            idle.sendall(b"hello\n")
            equal(peers.receive_until(idle, "\n"), "hello\n")
            server.signal(signal.SIGINT)
            equal(peers.receive_all(idle), b"")
        server.wait_for("stopped")
        equal(server.end(), 0)


peers.run(asyncio_asks_our_server_over_tcp, asyncio_asks_our_server_over_a_unix_socket, our_client_asks_asyncio_over_tcp,
          our_client_asks_asyncio_over_a_unix_socket, our_client_asks_our_server, our_client_says_where_nobody_listens,
          our_server_says_what_is_in_use, ctrl_c_ends_our_server_also_with_a_client)

# bide/tests: a TLS peer in Python, one mode for each kind; what it saw goes to standard output, one line each.
#   tls_peer.py client|aclient|astarttls|stream PORT CAFILE [OPTIONS]     tls_peer.py server|aserver CERT KEY [OPTIONS]
import argparse
import asyncio
import socket
import ssl
import sys

LIMIT = 30  # seconds that a passing test never takes
BIG = b"p" * 1_000_000


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode")
    parser.add_argument("one")
    parser.add_argument("two")
    parser.add_argument("--version")
    parser.add_argument("--alpn")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--ca")
    parser.add_argument("--times", type=int, default=1)
    return parser.parse_args()


def configured(context, args):
    if args.version:
        context.minimum_version = context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[args.version]
    if args.alpn:
        context.set_alpn_protocols(args.alpn.split(","))
    return context


def client_context(args):
    context = configured(ssl.create_default_context(cafile=args.two), args)
    if args.cert:
        context.load_cert_chain(args.cert, args.key)
    return context


def server_context(args):
    context = configured(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), args)
    context.load_cert_chain(args.one, args.two)
    if args.ca:
        context.load_verify_locations(args.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def say(*words):
    print(*words, flush=True)


def describe(connection):
    subject = dict(x[0] for x in (connection.getpeercert() or {}).get("subject", ()))
    say("version", connection.version(), "alpn", connection.selected_alpn_protocol(), "reused", connection.session_reused,
        "peer", subject.get("commonName"))


def client(args):
    context = client_context(args)
    session = None
    for _ in range(args.times):
        with socket.create_connection(("127.0.0.1", int(args.one)), LIMIT) as plain:
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as secure:
                secure.sendall(b"hello\n")
                say("got", secure.recv(100))
                describe(secure)
                session = secure.session
                secure.unwrap().close()
                say("clean end")


def server(args):
    context = server_context(args)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        say("port", listener.getsockname()[1])
        for _ in range(args.times):
            plain, _ = listener.accept()
            plain.settimeout(LIMIT)
            with context.wrap_socket(plain, server_side=True) as secure:
                while data := secure.recv(100_000):
                    secure.sendall(data)
                describe(secure)
                secure.unwrap().close()
                say("clean end")


async def exchange(reader, writer):
    async def send():
        writer.write(BIG)
        await writer.drain()
    sending = asyncio.create_task(send())
    got = await reader.readexactly(len(BIG))
    await sending
    describe(writer.get_extra_info("ssl_object"))
    say("same", got == BIG)
    writer.close()
    await writer.wait_closed()
    say("clean end")


async def aclient(args):
    await exchange(*await asyncio.open_connection("127.0.0.1", int(args.one), ssl=client_context(args), server_hostname="localhost"))


async def astarttls(args):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(args.one))
    writer.write(b"STARTTLS\n")
    say("reply", await reader.readline())
    # StreamWriter.start_tls came with 3.11; its reader goes on.
    await writer.start_tls(client_context(args), server_hostname="localhost")
    await exchange(reader, writer)


async def stream(args):
    """Reads until the end and says how it came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(args.one), ssl=client_context(args), server_hostname="localhost")
    say("read", len(await reader.read()))
    writer.close()
    await writer.wait_closed()
    say("clean end")


async def aserver(args):
    left = asyncio.Semaphore(0)

    async def echo(reader, writer):
        while data := await reader.read(100_000):
            writer.write(data)
            await writer.drain()
        describe(writer.get_extra_info("ssl_object"))
        writer.close()
        await writer.wait_closed()
        say("clean end")
        left.release()

    listener = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server_context(args))
    say("port", listener.sockets[0].getsockname()[1])
    for _ in range(args.times):
        await left.acquire()


args = options()
action = globals()[args.mode]
try:
    if asyncio.iscoroutinefunction(action):
        asyncio.run(asyncio.wait_for(action(args), LIMIT))
    else:
        action(args)
except Exception as error:  # the test compares what is printed
    say("failed", type(error).__name__, error)
    sys.exit(1)

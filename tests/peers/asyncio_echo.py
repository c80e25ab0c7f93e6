"""An asyncio peer for the tests of transports: asyncio_echo.py client PORT | server | datagrams PORT.

client      connects, sends three messages, ends its side, and prints what its protocol was told, one call a line
server      prints its port, echoes one connection, and prints what its protocol was told
datagrams   sends three datagrams and prints what comes back
"""

import asyncio
import sys

MESSAGES = [b"one", b"x" * 300000, b"last"]


class Client(asyncio.Protocol):
    def __init__(self, done):
        self.done, self.received, self.calls, self.sent = done, 0, [], 0

    def connection_made(self, transport):
        self.calls.append("made")
        self.transport = transport
        self.send()

    def send(self):
        self.expected = self.received + len(MESSAGES[self.sent])
        self.transport.write(MESSAGES[self.sent])
        self.sent += 1

    def data_received(self, data):
        self.received += len(data)
        if self.received < self.expected:
            return
        self.calls.append(f"echo of {len(MESSAGES[self.sent - 1])}")
        if self.sent < len(MESSAGES):
            self.send()
        else:
            self.transport.write_eof()

    def eof_received(self):
        self.calls.append("eof")

    def connection_lost(self, error):
        self.calls.append(f"lost {error}")
        self.done.set_result(None)


class Server(asyncio.Protocol):
    def __init__(self, done):
        self.done, self.total, self.calls = done, 0, []

    def connection_made(self, transport):
        self.calls.append("made")
        self.transport = transport

    def data_received(self, data):
        self.total += len(data)
        self.transport.write(data)

    def eof_received(self):
        self.calls.append("eof")

    def connection_lost(self, error):
        self.calls.append(f"echoed {self.total}")
        self.calls.append(f"lost {error}")
        self.done.set_result(None)


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, done):
        self.done, self.calls = done, []

    def connection_made(self, transport):
        self.transport = transport
        transport.sendto(b"one")

    def datagram_received(self, data, peer):
        self.calls.append(f"echo {data.decode()}")
        if len(self.calls) == 3:
            self.done.set_result(None)
        else:
            self.transport.sendto(b"two" if len(self.calls) == 1 else b"three")


async def main(mode, port=0):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    if mode == "client":
        _, protocol = await loop.create_connection(lambda: Client(done), "127.0.0.1", port)
    elif mode == "datagrams":
        _, protocol = await loop.create_datagram_endpoint(lambda: Datagrams(done), remote_addr=("127.0.0.1", port))
    else:
        protocol = Server(done)
        server = await loop.create_server(lambda: protocol, "127.0.0.1", 0)
        print("port", server.sockets[0].getsockname()[1], flush=True)
    await asyncio.wait_for(done, 30)
    print("\n".join(protocol.calls), flush=True)


asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))

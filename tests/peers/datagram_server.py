# bide/tests: asyncio answers the datagrams of bide until one says "quit".
# Arguments: a host, or the path of a unix socket. Prints "port N" (of a unix socket: 0) when it is ready.
import asyncio
import socket
import sys


class Server(asyncio.DatagramProtocol):
    def __init__(self):
        self.end = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(b"you said " + data, addr)
        if data == b"quit" and not self.end.done():
            self.end.set_result(None)


async def main(host):
    loop = asyncio.get_running_loop()
    if host.startswith("/"):
        arguments = {"local_addr": host, "family": socket.AF_UNIX}
    else:
        arguments = {"local_addr": (host, 0)}
    transport, server = await loop.create_datagram_endpoint(Server, **arguments)
    name = transport.get_extra_info("sockname")
    print("port", name[1] if isinstance(name, tuple) else 0, flush=True)
    await asyncio.wait_for(server.end, 30)
    transport.close()
    print("bye", flush=True)


asyncio.run(main(sys.argv[1]))

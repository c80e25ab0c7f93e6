# bide/tests: asyncio sends datagrams to an endpoint of bide and prints the answers.
# Arguments: a host and a port, or the path of a unix socket and one for itself.
import asyncio
import socket
import sys


class Client(asyncio.DatagramProtocol):
    def __init__(self):
        self.answers = asyncio.Queue()

    def datagram_received(self, data, addr):
        self.answers.put_nowait(data)


async def main(first, second):
    loop = asyncio.get_running_loop()
    if second.isdigit():
        arguments = {"remote_addr": (first, int(second))}
    else:
        arguments = {"remote_addr": first, "local_addr": second, "family": socket.AF_UNIX}
    transport, client = await loop.create_datagram_endpoint(Client, **arguments)
    for message in (b"one", b"2", b"three", b"x" * 60000):
        transport.sendto(message)
        answer = await asyncio.wait_for(client.answers.get(), 30)
        print("same" if answer == message else f"other: {answer[:20]}", len(answer))
    transport.close()


asyncio.run(main(*sys.argv[1:]))

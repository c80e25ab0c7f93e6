"""The same server as examples/demo_server.cpp, on Python's asyncio. examples/demo_connections.cpp is its client."""

import asyncio
import os


async def echo(reader, writer):
    while data := await reader.read(4096):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], os.getpid(), flush=True)
    await server.serve_forever()


asyncio.run(serve())

# bide/bench: echo servers on Python's asyncio, on its own loop or on uvloop:
# `echo.py [--uvloop] PORT [streams|protocol] [CERTIFICATE KEY]`, with TLS when there is a certificate.
import asyncio
import ssl
import sys

READ_SIZE = 256 * 1024


async def serve(reader, writer):
    try:
        while data := await reader.read(READ_SIZE):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    # The transport's buffer is bounded: a peer that does not read is not read.
    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


# Both loops set TCP_NODELAY by themselves.
async def main(port, style="streams", *certificate):
    options = {"host": "127.0.0.1", "port": int(port), "backlog": 4096}
    if certificate:
        options["ssl"] = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        options["ssl"].load_cert_chain(*certificate)
    if style == "streams":
        server = await asyncio.start_server(serve, **options)
    else:
        server = await asyncio.get_running_loop().create_server(Echo, **options)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


arguments = sys.argv[1:]
if arguments[:1] == ["--uvloop"]:
    import uvloop

    uvloop.install()
    del arguments[0]
if not arguments:
    sys.exit(f"usage: {sys.argv[0]} [--uvloop] PORT [streams|protocol] [CERTIFICATE KEY]")
asyncio.run(main(*arguments))

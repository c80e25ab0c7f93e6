"""The chat server of the tutorial with Python's ssl and with openssl s_client."""

import signal
import ssl
import subprocess

import peers
from peers import Folder, Program, connect, equal, receive_until


def identity(folder):
    """A certificate and its key."""
    key, certificate = folder + "/key.pem", folder + "/cert.pem"
    subprocess.run([peers.needed("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


def enter(port, certificate, name):
    context = ssl.create_default_context(cafile=certificate)
    guest = context.wrap_socket(connect(port), server_hostname="localhost")
    receive_until(guest, "Your name?\n")
    guest.sendall(name.encode() + b"\n")
    receive_until(guest, f"* {name} has come\n")
    return guest


def open_room(folder):
    server = Program("chat_tls", *identity(folder), "0")
    return server, int(server.wait_for(r"the room is open on port (\d+)")[1])


def people_talk_until_ctrl_c(number=signal.SIGINT):
    with Folder() as folder:
        server, port = open_room(folder)
        with server, enter(port, folder + "/cert.pem", "Alice") as alice, enter(port, folder + "/cert.pem", "Bob") as bob:
            receive_until(alice, "* Bob has come\n")
            bob.sendall(b"hello everybody\n")
            for each in (alice, bob):
                equal(receive_until(each, "everybody\n"), "Bob: hello everybody\n")
            with enter(port, folder + "/cert.pem", "Carol"):
                receive_until(alice, "* Carol has come\n")
            equal(receive_until(alice, "left\n"), "* Carol has left\n")
            server.signal(number)
            for each in (alice, bob):
                assert peers.receive_all(each).endswith(b"* the room closes\n")
                each.close()
            server.wait_for("the room is closed")
            equal(server.end(), 0)


def a_service_manager_ends_it():
    people_talk_until_ctrl_c(signal.SIGTERM)


def plain_text_does_not_come_in():
    with Folder() as folder:
        server, port = open_room(folder)
        with server, enter(port, folder + "/cert.pem", "Alice") as alice, connect(port) as stranger:
            stranger.sendall(b"Mallory\n")
            peers.receive_all(stranger)     # an alert, and the end
            alice.sendall(b"is anybody here?\n")
            equal(receive_until(alice, "?\n"), "Alice: is anybody here?\n")


def openssl_is_a_client():
    with Folder() as folder:
        server, port = open_room(folder)
        with server, enter(port, folder + "/cert.pem", "Alice") as alice:
            client = subprocess.Popen([peers.needed("openssl"), "s_client", "-quiet", "-connect", f"127.0.0.1:{port}"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            try:
                client.stdin.write(b"Bob\nhello from openssl\n")
                client.stdin.flush()
                equal(receive_until(alice, "openssl\n"), "* Bob has come\nBob: hello from openssl\n")
                server.signal(signal.SIGTERM)
                output, _ = client.communicate(timeout=peers.LIMIT)
            finally:
                client.kill()
            equal(output, b"Your name?\n* Bob has come\nBob: hello from openssl\n* the room closes\n")
            server.wait_for("the room is closed")   # though Alice stays for as long as she is let


peers.run(people_talk_until_ctrl_c, a_service_manager_ends_it, plain_text_does_not_come_in, openssl_is_a_client)

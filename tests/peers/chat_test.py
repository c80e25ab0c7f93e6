"""The chat room with socat and with plain sockets."""

import os
import signal
import subprocess

import peers
from peers import Program, connect, equal, receive_until


def enter(port, name):
    guest = connect(port)
    receive_until(guest, "Your name? ")
    guest.sendall(name.encode() + b"\n")
    receive_until(guest, "/quit leaves.\n")
    return guest


def open_room():
    return Program("chat", 0)


def port_of(room):
    return int(room.wait_for(r"the room is open on port (\d+)")[1])


def people_talk():
    with open_room() as room:
        port = port_of(room)
        with enter(port, "Alice") as alice, enter(port, "Bob") as bob:
            receive_until(alice, "* Bob has come\n")
            bob.sendall(b"hello everybody\n")
            for each in (alice, bob):
                equal(receive_until(each, "everybody\n"), "Bob: hello everybody\n")
            alice.sendall(b"/who\n")
            equal(receive_until(alice, "\n"), "* Alice Bob\n")
            bob.sendall(b"/quit\n")
            equal(peers.receive_all(bob), b"")
            equal(receive_until(alice, "\n"), "* Bob has left\n")


def names_are_taken_once():
    with open_room() as room:
        port = port_of(room)
        with enter(port, "Alice"), connect(port) as other:
            receive_until(other, "Your name? ")
            for name in (b"Alice\r\n", b"\n", b"/who\n"):
                other.sendall(name)
                equal(receive_until(other, ": "), "Please take another one: ")
            other.sendall(b"Bob\r\n")
            equal(receive_until(other, "!"), "Hello, Bob!")


def who_vanishes_has_left():
    with open_room() as room:
        port = port_of(room)
        with enter(port, "Alice") as alice:
            enter(port, "Bob").close()
            receive_until(alice, "* Bob has come\n")
            equal(receive_until(alice, "\n"), "* Bob has left\n")
            with enter(port, "Carol") as carol:
                carol.sendall(b"x" * 5000)     # longer than a line may be
                receive_until(alice, "* Carol has left\n")


def who_does_not_keep_up_is_thrown_out():
    with open_room() as room:
        port = port_of(room)
        with enter(port, "Sleeper"), enter(port, "Talker") as talker:
            received = b""
            while b"Sleeper has left\n" not in received:
                talker.sendall(b"x" * 900 + b"\n")
                received = received[-100:] + talker.recv(1 << 16)
            talker.sendall(b"/who\n")
            receive_until(talker, "* Talker\n")


def socat_is_a_client():
    with open_room() as room:
        port = port_of(room)
        with enter(port, "Alice") as alice:
            socat = subprocess.Popen([peers.needed("socat"), "-t", str(peers.LIMIT), "-", f"TCP:127.0.0.1:{port}"],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            try:
                output, _ = socat.communicate(b"Bob\nhello from socat\n/quit\n", timeout=peers.LIMIT)
            finally:
                socat.kill()
            equal(output, b"Your name? Hello, Bob! /who tells who is here, /quit leaves.\nBob: hello from socat\n")
            equal(receive_until(alice, "left\n"), "* Bob has come\nBob: hello from socat\n* Bob has left\n")


def ctrl_c_closes_the_room():
    with open_room() as room:
        port = port_of(room)
        with enter(port, "Alice") as alice:
            room.signal(signal.SIGINT)
            equal(peers.receive_all(alice), b"")
        room.wait_for("the room is closed")
        equal(room.end(), 0)


peers.run(people_talk, names_are_taken_once, who_vanishes_has_left, who_does_not_keep_up_is_thrown_out, socat_is_a_client,
          ctrl_c_closes_the_room)

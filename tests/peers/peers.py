"""What the scripts with real peers share: programs that end with the script, and what they print."""

import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

LIMIT = 30          # seconds that a passing test never reaches
EXAMPLES = sys.argv[1] if len(sys.argv) > 1 else "."


class Program:
    """A program whose lines can be waited for; killed at the end of the `with` block."""

    def __init__(self, *command, **options):
        if "/" not in command[0] and os.path.exists(os.path.join(EXAMPLES, command[0])):
            command = (os.path.join(EXAMPLES, command[0]), *command[1:])
        self.name = os.path.basename(command[0])
        self.lines = queue.Queue()
        self.seen = []
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace", **options)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def wait_for(self, pattern):
        """The match in the next line that has one."""
        while True:
            try:
                line = self.lines.get(timeout=LIMIT)
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"{self.name}: no line like {pattern!r} after:\n" + "\n".join(self.seen))
            self.seen.append(line)
            match = re.search(pattern, line)
            if match:
                return match

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """Its exit code, once it has ended by itself."""
        return self.process.wait(timeout=LIMIT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def connect(port, host="127.0.0.1"):
    return socket.create_connection((host, port), timeout=LIMIT)


def receive_until(sock, text):
    """What comes up to and with the text, and not a byte more."""
    got = b""
    while not got.endswith(text.encode()):
        piece = sock.recv(1)
        assert piece, f"the connection ended before {text!r}; received {got!r}"
        got += piece
    return got.decode()


def receive_all(sock):
    got = []
    while piece := sock.recv(1 << 20):
        got.append(piece)
    return b"".join(got)


def equal(got, wanted, what=""):
    assert got == wanted, f"{what}: got {got!r}, wanted {wanted!r}"


class Folder(tempfile.TemporaryDirectory):
    def file(self, name):
        return os.path.join(self.name, name)


def needed(program):
    assert shutil.which(program), f"{program} is not installed: ./dev test installs what the tests need"
    return program


def run(*tests):
    """Runs the test functions one after the other; the first failure ends the script."""
    signal.alarm(4 * LIMIT)
    for test in tests:
        test()
        print("ok", test.__name__, flush=True)

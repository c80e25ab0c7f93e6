# bide/bench: a server process under measurement: starts it, waits until it listens, reads its memory, ends it.
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE = 20  # seconds until something that says nothing is given up
# What an echo server does again and again; the calls of its start do not count.
COUNTED = ("read readv recvfrom recvmsg recvmmsg write writev sendto sendmsg sendmmsg epoll_wait epoll_pwait "
           "epoll_pwait2 epoll_ctl poll ppoll io_uring_enter futex nanosleep timerfd_settime").split()  # fmt: skip


class Failure(Exception):
    """Why there is no figure, in words for the reader of the table."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_line(process, what):
    """The first line of its output."""
    if not select.select([process.stdout], [], [], PATIENCE)[0]:
        raise Failure(f"{what} says nothing for {PATIENCE} s")
    line = process.stdout.readline().strip()
    if not line:
        process.wait(PATIENCE)
        said = process.stderr.read().strip().splitlines() if process.stderr else []
        raise Failure(f"{what} ended with {process.returncode}: {said[0] if said else 'no output'}")
    return line


class Server:
    """Runs a command, in which PORT stands for a free port, on one processor, until the `with` block ends."""

    def __init__(self, contender, processor, count_calls=False):
        self.port = free_port()
        self.command = ["taskset", "-c", processor]
        self.command += [str(part).replace("PORT", str(self.port)) for part in contender.command]
        self.environment = {**os.environ, **contender.environment}
        self.calls = tempfile.NamedTemporaryFile(prefix="bide-calls-") if count_calls else None
        if count_calls:
            self.command = ["strace", "-f", "-c", "-o", self.calls.name, *self.command]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=self.environment)  # fmt: skip
        try:
            wait_for_line(self.process, "the server")
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, kind, reason, _):
        self.end()
        if isinstance(reason, Failure):
            first = self.said.splitlines()[:1]
            ended = f"; the server ended with {self.code}" if self.code is not None else ""
            raise Failure(f"{reason}{ended}{'; it says: ' + first[0] if first else ''}") from reason

    @property
    def pid(self):
        if not self.calls:
            return self.process.pid
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def end(self):
        self.code = self.process.poll()  # what it ended with by itself
        if self.code is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                self.process.wait(PATIENCE)
            except (OSError, IndexError, subprocess.TimeoutExpired):
                self.process.kill()
        self.process.wait()
        self.said = self.process.stderr.read().strip()
        self.process.stdout.close()
        self.process.stderr.close()

    def resident_bytes(self):
        """Exact, unlike the counter in statm."""
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Rss:\s+(\d+) kB", rollup, re.M)[1]) * 1024

    def calls_made(self):
        """How often it made each of the counted system calls; known once it has ended."""
        made = {}
        for line in Path(self.calls.name).read_text().splitlines():
            columns = line.split()
            if len(columns) >= 5 and columns[-1] in COUNTED:
                made[columns[-1]] = made.get(columns[-1], 0) + int(columns[3])
        return made


def run_load(command, processor, seconds):
    """The output of a load program that ends by itself."""
    try:
        done = subprocess.run(["taskset", "-c", processor, *map(str, command)], capture_output=True, text=True,
                              timeout=seconds + PATIENCE)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(str(error)) from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Failure(f"the load ended with {done.returncode}: {said[0] if said else 'no output'}")
    return done.stdout


class HeldConnections:
    """Connections of a load program, after one echo of 64 bytes on each, that stay open until the `with` block ends."""

    def __init__(self, program, processor, port, count):
        self.command = ["taskset", "-c", processor, str(program), str(port), str(count), "64", "0"]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)  # fmt: skip
        try:
            wait_for_line(self.process, "the load")
        except BaseException:
            self.__exit__()
            raise
        time.sleep(0.05)  # the server comes to rest
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

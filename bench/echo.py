# bide/bench: the rows about echo servers: a server on one processor, the load on another.
import dataclasses
import os
import re
import resource
import subprocess
from pathlib import Path

from server import Failure, HeldConnections, Server, run_load
from table import Contender, Target, chosen, rotated

LINE = re.compile(
    r"n=(?P<n>\d+) of (?P<total>\d+) (?P<rate>\d+) req/s cpu (?P<cpu>[\d.]+) us/req p50 (?P<p50>[\d.]+) us p99 (?P<p99>[\d.]+) us "
    r"p99\.9 [\d.]+ us busy (?P<busy>\d+)%")
RAW = {"raw epoll": "echo_epoll", "raw io_uring": "echo_uring"}
RAW_LARGE = {**RAW, "raw io_uring poll": "echo_uring_poll"}  # which of the two is the better one depends on the size
BACKENDS = ("epoll", "io_uring")
CONNECT_LOADS = ("connect_load", "tls_connect_load")
ALL = "asio,asio callbacks,libuv,go,tokio,uvloop,uvloop streams,asyncio,asyncio streams"
FEW = "asio,libuv,go,tokio"
ALL_TLS = "asio,go,tokio,uvloop,asyncio,asyncio streams"
AS_RAW = (Target(1.05, ("raw epoll",), of="epoll"), Target(1.05, ("raw io_uring",), of="io_uring"))
AS_RAW_LARGE = (AS_RAW[0], Target(1.05, ("raw io_uring", "raw io_uring poll"), of="io_uring"))
AS_RAW_TLS = (Target(1.1, ("raw TLS",)),)
TLS = {"tls": True, "program": "bench_tls_echo", "raw": {"raw TLS": "tls_epoll"}}


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    title: str
    connections: int
    peers: str = FEW  # labels, separated by commas
    targets: tuple = ()
    size: int = 64
    depth: int = 1
    seconds: float = 0.4  # a fifth of it warms up
    rounds: int = 100  # at most
    program: str = "bench_echo"
    load: str = "echo_load"
    tls: bool = False  # the servers are given a certificate and its key
    raw: dict = dataclasses.field(default_factory=lambda: RAW)  # the hand-written ones
    unit = "ns"
    what = "processor time of the server per request"

    @property
    def kind(self):
        return "tls echo" if self.tls else "echo"

    def labels(self, options):
        """Of the peers that are to be built."""
        labels = [label for label in self.peers.split(",") if label]
        if options.gcc and "asio" in labels:
            labels.insert(labels.index("asio") + 1, "asio gcc")
        return labels

    def contenders(self, commands, options):
        found = []
        given = certificate() if self.tls else []
        for label, folder in options.builds:
            program = folder / self.program
            for backend in BACKENDS:
                found.append(of_ours(f"{label} {backend}", program, *given, backend))
        found += [of_ours(label, options.binaries / program, *given) for label, program in self.raw.items()]
        found += [Contender(label, [*commands[label], *given]) for label in self.labels(options) if label in commands]
        return chosen(found, options)

    def measure(self, commands, options):
        contenders = self.contenders(commands, options)
        for turn in range(min(options.rounds, self.rounds)):
            for contender in rotated(contenders, turn):
                attempt(self.run_once, contender, options)
        for contender in contenders:
            if contender.details:
                contender.note = self.note_for(contender)
        return contenders, f"{self.what}; {self.where(options)}"

    def where(self, options):
        return "server on cpu {}, load on cpu {}".format(*processors())

    def run_once(self, contender, options):
        figures, _ = self.run_load_on(contender, options, count_calls=False)
        contender.values.append(figures["cpu"] * 1000)
        contender.details.append(figures)

    def run_load_on(self, contender, options, count_calls):
        """The figures that the load prints, and the server, which has ended."""
        cpu, load_cpu = processors()
        seconds = max(self.seconds / options.divide, 0.1)
        with Server(contender, cpu, count_calls) as server:
            depth = [] if self.load in CONNECT_LOADS else [self.depth]
            program = options.binaries / self.load
            command = [program, server.port, self.connections, self.size, seconds, *depth, server.pid]
            found = LINE.search(run_load(command, load_cpu, seconds))
        if not found:
            raise Failure(f"{self.load} printed no figures")
        return {name: float(value) for name, value in found.groupdict().items()}, server

    def note_for(self, contender):
        rate, p50, p99 = (contender.median_of(name) for name in ("rate", "p50", "p99"))
        busy = contender.median_of("busy")
        # A server that is not busy all the time waits for the load, or for other programs on this machine.
        return f"{rate:7.0f}/s  p50 {p50:.0f} p99 {p99:.0f} us  busy {busy:.0f}%"


class SyscallRow(Row):
    """Counts under strace, which slows everything down, so that only the counts mean something."""

    unit = "  "
    what = "system calls per request"

    def run_once(self, contender, options):
        figures, server = self.run_load_on(contender, options, count_calls=True)
        calls = {name: made / figures["total"] for name, made in server.calls_made().items()}
        calls = {name: each for name, each in calls.items() if each >= 0.005}
        contender.values.append(sum(calls.values()))
        contender.details.append(calls)

    def note_for(self, contender):
        most = sorted(contender.details[-1].items(), key=lambda item: -item[1])
        return ", ".join(f"{name} {count:.2f}" for name, count in most)


class IdleRow(Row):
    unit = "B"
    what = "user memory per connection"

    def run_once(self, contender, options):
        cpu, load_cpu = processors()
        count = self.count(options)
        with Server(contender, cpu) as server:
            # What the first connections bring in, code and shared buffers, belongs to the program.
            with HeldConnections(options.binaries / self.load, load_cpu, server.port, 10):
                before = server.resident_bytes()
                with HeldConnections(options.binaries / self.load, load_cpu, server.port, count):
                    contender.values.append((server.resident_bytes() - before) / count)

    def count(self, options):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200
        return min(self.connections, most, 1000 if options.quick else self.connections)

    def where(self, options):
        count = self.count(options)
        fewer = "" if count == self.connections or options.quick else f", the limit of open files allows no {self.connections}"
        return f"n={count}{fewer}"


ROWS = [
    Row("echo_64_1", "echo 64 B, one connection", 1),
    Row("echo_64_64", "echo 64 B, 64 connections", 64, ALL, AS_RAW),
    Row("echo_64_1000", "echo 64 B, 1000 connections", 1000, f"{FEW},uvloop", AS_RAW),
    Row("echo_16k", "echo 16 KiB, 64 connections", 64, size=16 * 1024, raw=RAW_LARGE),
    Row("echo_64k", "echo 64 KiB, 64 connections", 64, targets=AS_RAW_LARGE, size=64 * 1024, raw=RAW_LARGE),
    Row("echo_pipelined", "echo 64 B, 16 requests at a time, 64 connections", 64, depth=16),
    Row("connect_close", "connect, one echo of 64 B, close; 64 at a time", 64, load="connect_load"),
    Row("echo_tls", "TLS 1.3 echo 1 KiB, 64 connections", 64, ALL_TLS, AS_RAW_TLS, size=1024, load="tls_load", **TLS),
    Row("tls_handshake", "TLS 1.3 handshake, one echo of 64 B, close; 64 at a time", 64, ALL_TLS,
        AS_RAW_TLS, load="tls_connect_load", **TLS),
    IdleRow("echo_idle", "a connection that waits for its second request, memory each", 10_000, ALL, (Target(1024),),
            rounds=1),
    IdleRow("echo_tls_idle", "the same with TLS 1.3", 2000, ALL_TLS, rounds=1, load="tls_load", **TLS),
    SyscallRow("echo_syscalls_1", "system calls for an echo of 64 B, one connection", 1, rounds=1),
    SyscallRow("echo_syscalls_64", "system calls for an echo of 64 B, 64 connections", 64, rounds=1),
]  # fmt: skip


def of_ours(label, program, *arguments):
    failure = "" if program.exists() else f"{program.name} is not built"
    return Contender(label, [program, "PORT", *arguments], failure=failure)


def certificate():
    """The files of a certificate for this host and of its key, made when they are not there yet."""
    folder = Path(__file__).resolve().parent.parent / "build" / "bench-peers"
    made, key = folder / "certificate.pem", folder / "key.pem"
    if not made.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "3650", "-subj", "/CN=localhost", "-keyout", key, "-out", made],
                       check=True, capture_output=True)  # fmt: skip
    return [made, key]


def attempt(run_once, contender, options):
    if contender.failure:
        return
    try:
        run_once(contender, options)
    except (Failure, OSError) as reason:
        contender.failure = str(reason)


def processors():
    """For the server and for the load; the same one where there is no second."""
    allowed = sorted(os.sched_getaffinity(0))
    return str(allowed[0]), str(allowed[min(1, len(allowed) - 1)])

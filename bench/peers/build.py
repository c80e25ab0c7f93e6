# bide/bench: builds the peer programs from Debian's packages; a peer that cannot be built is left out with a reason.
import os
import shutil
import subprocess
from pathlib import Path

PEERS = Path(__file__).resolve().parent
BENCH = PEERS.parent
DEBIAN_PYTHON = "/usr/bin/python3"  # python3-uvloop is installed for this one only
DEBIAN_CRATES = "/usr/share/cargo/registry"  # where the librust-*-dev packages put their sources


class Missing(Exception):
    """Why a peer is left out, in words for the reader of the table."""


def tool(package, *names):
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise Missing(f"{names[0]} not found (apt install {package})")


def is_fresh(binary, *sources):
    newest = max(source.stat().st_mtime for source in (*sources, Path(__file__)))
    return binary.exists() and binary.stat().st_mtime > newest


def compile_with(package, command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode == 0:
        return
    errors = [line.strip() for line in done.stderr.splitlines() if "error" in line.lower()]
    raise Missing(f"{(errors or ['build failed'])[0]} (apt install {package}?)")


def build_cxx(source, binary, compiler, flags, libraries, package):
    if not is_fresh(binary, source, BENCH / "report.h", *source.parent.glob("*.hpp")):
        compile_with(package, [compiler, "-O2", "-DNDEBUG", *flags, source, "-o", binary, "-pthread", *libraries])
    return [str(binary)]


def build_asio(out, compiler, program, name):
    source = PEERS / "asio" / f"{program}.cpp"
    libraries = ["-lssl", "-lcrypto"] if program.startswith("tls") else []
    flags = ["-std=c++20", "-DASIO_STANDALONE"]
    return build_cxx(source, out / name, compiler, flags, libraries, package="libasio-dev")


def build_libuv(out, program, name):
    compiler = tool("clang-19", "clang-19", "cc")
    source = PEERS / "libuv" / f"{program}.c"
    return build_cxx(source, out / name, compiler, ["-std=c11"], ["-luv"], package="libuv1-dev")


def build_limit(out, compiler, name):
    source = BENCH / "limits" / f"{name}.cpp"
    return build_cxx(source, out / name, compiler, ["-std=c++20"], [], package="clang-19")


def build_go(out, program, name):
    source, binary = PEERS / "go" / f"{program}.go", out / name
    if not is_fresh(binary, source):
        compile_with("golang-go", [tool("golang-go", "go"), "build", "-o", binary, source])
    return [str(binary)]


def build_tokio(out, folder, program):
    source, copy = PEERS / folder, out / folder
    binary = copy / "target" / "release" / program
    if is_fresh(binary, source / "Cargo.toml", source / "src" / "main.rs"):
        return [str(binary)]
    crate = "tokio-openssl" if "tls" in folder else "tokio"
    if not list(Path(DEBIAN_CRATES).glob(f"{crate}-[0-9]*")):
        raise Missing(f"{crate} not found (apt install librust-{crate}-dev cargo)")
    # Built in a copy, so that the lock file, which depends on Debian's versions, stays out of the source tree.
    shutil.copytree(source, copy, dirs_exist_ok=True)
    cargo = tool("cargo", "/usr/bin/cargo", "cargo")
    rustc = tool("rustc", "/usr/bin/rustc", "rustc")
    sources = ["--config", 'source.crates-io.replace-with="debian"',
               "--config", f'source.debian.directory="{DEBIAN_CRATES}"']  # fmt: skip
    compile_with(
        f"librust-{crate}-dev cargo rustc",
        [cargo, "build", "--release", "--offline", "--target-dir", copy / "target", *sources],
        cwd=copy,
        env={**os.environ, "RUSTC": rustc},
    )
    return [str(binary)]


def find_asyncio(program):
    return [tool("python3", DEBIAN_PYTHON, "python3"), str(PEERS / "asyncio" / f"{program}.py")]


def find_uvloop(program):
    python, script = find_asyncio(program)
    if subprocess.run([python, "-c", "import uvloop"], capture_output=True).returncode != 0:
        raise Missing("uvloop not found (apt install python3-uvloop)")
    return [python, script, "--uvloop"]


def find_fio():
    tool("fio", "fio")
    return [tool("python3", DEBIAN_PYTHON, "python3"), str(PEERS / "fio.py")]


def clang():
    return tool("clang-19", "clang++-19")


def gcc():
    return tool("g++", "g++-12", "g++")


# For each kind of row the peers by their labels. An echo server takes the port where its command says PORT.
BUILDERS = {
    "tasks": {
        "asio": lambda out: build_asio(out, clang(), "tasks", "asio"),
        "asio gcc": lambda out: build_asio(out, gcc(), "tasks", "asio-gcc"),
        "libuv": lambda out: build_libuv(out, "tasks", "libuv"),
        "go": lambda out: build_go(out, "tasks", "go"),
        "tokio": lambda out: build_tokio(out, "tokio", "tokio_tasks"),
        "asyncio": lambda out: find_asyncio("tasks"),
        "uvloop": lambda out: find_uvloop("tasks"),
        "condvar": lambda out: build_limit(out, clang(), "condvar"),
        "condvar held": lambda out: build_limit(out, clang(), "condvar"),
        "socketpair": lambda out: build_limit(out, clang(), "socketpair"),
        "asyncio pool": lambda out: find_asyncio("pool"),
        "posix_spawn": lambda out: build_limit(out, clang(), "spawn"),
        "poll loop": lambda out: build_limit(out, clang(), "cat"),
        "pread": lambda out: build_limit(out, clang(), "pread"),
        "pread cached only": lambda out: build_limit(out, clang(), "pread"),
        "fio": lambda out: find_fio(),
    },
    "echo": {
        "asio": lambda out: [*build_asio(out, clang(), "echo", "asio-echo"), "PORT", "awaitable"],
        "asio callbacks": lambda out: [*build_asio(out, clang(), "echo", "asio-echo"), "PORT", "callbacks"],
        "asio gcc": lambda out: [*build_asio(out, gcc(), "echo", "asio-echo-gcc"), "PORT", "awaitable"],
        "libuv": lambda out: [*build_libuv(out, "echo", "libuv-echo"), "PORT"],
        "go": lambda out: [*build_go(out, "echo", "go-echo"), "PORT"],
        "tokio": lambda out: [*build_tokio(out, "tokio_echo", "tokio_echo"), "PORT"],
        "asyncio": lambda out: [*find_asyncio("echo"), "PORT", "protocol"],
        "asyncio streams": lambda out: [*find_asyncio("echo"), "PORT", "streams"],
        "uvloop": lambda out: [*find_uvloop("echo"), "PORT", "protocol"],
        "uvloop streams": lambda out: [*find_uvloop("echo"), "PORT", "streams"],
    },
    # Their certificate and its key come behind what stands here.
    "tls echo": {
        "asio": lambda out: [*build_asio(out, clang(), "tls_echo", "asio-tls-echo"), "PORT"],
        "asio gcc": lambda out: [*build_asio(out, gcc(), "tls_echo", "asio-tls-echo-gcc"), "PORT"],
        "go": lambda out: [*build_go(out, "tls_echo", "go-tls-echo"), "PORT"],
        "tokio": lambda out: [*build_tokio(out, "tokio_tls_echo", "tokio_tls_echo"), "PORT"],
        "asyncio": lambda out: [*find_asyncio("echo"), "PORT", "protocol"],
        "asyncio streams": lambda out: [*find_asyncio("echo"), "PORT", "streams"],
        "uvloop": lambda out: [*find_uvloop("echo"), "PORT", "protocol"],
    },
}


def build_all(out, kind, labels):
    """Builds the peers of one kind of row into `out`; returns {label: command} and {label: why it is missing}."""
    out.mkdir(parents=True, exist_ok=True)
    commands, missing = {}, {}
    for label in labels:
        try:
            commands[label] = BUILDERS[kind][label](out)
        except Missing as reason:
            missing[label] = str(reason)
    return commands, missing

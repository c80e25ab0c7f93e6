#!/usr/bin/env python3
"""Checks the dependency rule and its companions (ARCHITECTURE.md):

0  a file includes only its own layer or a lower one; http and mysql never include each other
1  the words epoll and io_uring stay in src/os/, its tests, docs and one enum in loop.hpp
2  a foreign header has one owner
3  system calls are made in src/os/ only
4  threads, mutexes and atomics appear only in the few files listed here
5  public headers never include src/; public ones are spelled <bide/x.hpp>, private ones "layer/x.hpp"
7  the first line of each file names its layer and purpose

Rule 6, every header compiles alone, is tools/check_headers.py. An exemption is a line below, with its reason.
"""

import fnmatch
import re

import project

# (file pattern, included file pattern): reason. Includes that break the layer order.
INCLUDE_EXEMPT = {
    ("src/testing/*", "include/bide/introspect.hpp"): "leak reports print the call graph; the two share a layer number",
    ("include/bide/testing/*", "include/bide/introspect.hpp"): "as above",
}

# file pattern: reason. Files that may name a backend (rule 1).
BACKEND_NAMES_EXEMPT = {
    "src/os/*": "the backends live here",
    "tests/os/*": "their tests",
    "tests/support/*": "chooses and reports the backend for all tests",
    "tests/docs/*": "the code of the documentation, one page of which is about choosing a backend",
}
BACKEND_ENUM_FILE = "include/bide/loop.hpp"

# header pattern: (owners, reason) (rule 2).
FOREIGN_HEADERS = {
    "liburing.h": (["src/os/uring_*"], "the ring is one backend"),
    "liburing/*": (["src/os/uring_*"], "the ring is one backend"),
    "linux/io_uring.h": (["src/os/uring_*"], "the ring is one backend"),
    "sys/epoll.h": (["src/os/epoll_*"], "epoll is one backend"),
    "openssl/*": (["src/net/tls_*"], "TLS is bytes in, bytes out"),
    "cereal/*": (["include/bide/detail/system/archive.hpp"], "one place turns values into bytes"),
    "netdb.h": (["src/net/resolver.cpp"], "only the resolver resolves"),
    "nghttp2/*": (["src/http/h2_session.cpp"], "one owner per protocol library"),
    "mysql/*": (["src/mysql/driver.cpp"], "one owner per protocol library"),
    "mariadb/*": (["src/mysql/driver.cpp"], "one owner per protocol library"),
}

# file pattern: reason. Files that may make system calls (rule 3).
SYSCALLS_EXEMPT = {
    "src/os/*": "the layer of system calls",
    "src/net/resolver.cpp": "getaddrinfo(3) is no system call; it blocks and runs on a worker thread",
    "src/system/spawn.cpp": "what runs between fork and exec cannot go through a backend",
}
# (file pattern, OS header): reason. An OS header for its types or constants, not its calls.
OS_HEADERS_EXEMPT = {
    ("src/net/address*.cpp", "*"): "socket addresses are laid out as the system does",
    ("src/net/native_address.hpp", "*"): "as above",
    ("src/net/*", "sys/socket.h"): "names of families, types and options",
    ("src/net/*", "netinet/*"): "names of protocols and options",
}

# file pattern: reason. Files that may use threads, mutexes and atomics (rule 4).
THREADS_EXEMPT = {
    "src/os/worker_pool.*": "runs blocking calls on threads",
    "src/os/wakeup.*": "wakes a loop from another thread",
    "src/testing/test_backend.*": "wake() is for any thread, and notes that it was called",
    "src/loop/inbox.*": "where what other threads send to a loop arrives",
    "src/loop/loop_door.*": "the only way into a loop for other threads",
    "src/exec/*": "the layer that crosses threads",
    "include/bide/detail/exec/*": "the layer that crosses threads",
    "src/os/blocking_calls.*": "gives operations to the worker threads and takes them back",
    "src/os/uring_*": "the ring's indices are shared with the kernel",
    "include/bide/detail/loop/loop_state.hpp": "to_thread takes a context along, so its count is atomic",
    "include/bide/handle.hpp": "a handle of call_soon_threadsafe lives on another thread",
    "src/loop/callback.cpp": "as handle.hpp",
    "src/loop/loop_core.*": "a signal handler sets a flag, and a loop knows the thread that runs it",
    "src/loop/loop.cpp": "as loop_core",
    "src/loop/loop_list.cpp": "loops of all threads are in one list",
    "src/base/block_pool.cpp": "threads exchange free blocks",
    "src/os/interrupt.*": "a signal handler counts",
    "src/os/signal_watch.cpp": "a signal handler looks up where to write",
    "src/os/fork_count.cpp": "counts in the child of a fork",
    "src/os/thread_mark.*": "tells threads apart",
    "src/core/task.cpp": "all threads draw the numbers of their tasks from one counter",
    "src/core/runner.cpp": "reads what the signal handler counted",
    "src/system/spawn.cpp": "blocks the signals of the calling thread",
    "src/system/call_ring.hpp": "memory that is shared with worker processes",
    "src/system/pool_*": "memory that is shared with worker processes",
    "src/os/futex.*": "sleeps on a word that another process changes",
    "src/os/bell.*": "rung by other processes",
    "src/os/ops/bell.cpp": "as bell",
    "src/os/robust_mutex.*": "guards memory that processes share",
    "src/system/ipc_block.hpp": "its words are shared with other processes",
    "src/system/shared_ring.cpp": "as ipc_block; under the ring's mutex no order is needed",
}

OS_HEADERS = {
    "unistd.h", "fcntl.h", "poll.h", "dirent.h", "spawn.h", "termios.h", "pty.h", "dlfcn.h", "sched.h", "syscall.h", "signal.h",
    "pwd.h", "grp.h", "ifaddrs.h", "sys/*", "linux/*", "arpa/*", "net/*", "netinet/*", "asm/*",
}
SYSCALL = re.compile(
    r"(?<![\w>:])::(?:accept4?|bind|chdir|clone3?|close|connect|copy_file_range|dup[23]?|epoll_\w+|eventfd|exec\w+|fcntl|fork|fstat|"
    r"fsync|ftruncate|getaddrinfo|getpid|getsockname|getsockopt|io_uring_\w+|ioctl|kill|link|listen|lseek|madvise|mkdir|mmap|mprotect|"
    r"munmap|open|openat|pidfd_\w+|pipe2?|poll|posix_spawnp?|ppoll|pread|pselect|pwrite|raise|read|readv|recv\w*|rename|rmdir|select|"
    r"send\w*|setsockopt|shutdown|sigaction|signalfd|sigprocmask|socket|socketpair|splice|stat|statx|syscall|timerfd_\w+|unlink|vfork|"
    r"wait\w*|write|writev)\s*\(|\bsyscall\s*\(")
THREAD_HEADERS = {
    "thread", "mutex", "shared_mutex", "atomic", "condition_variable", "semaphore", "latch", "barrier", "stop_token", "future", "pthread.h",
}
THREAD_WORDS = re.compile(
    r"\bstd::(?:jthread|thread|atomic\w*|(?:shared_|recursive_|timed_)*mutex|condition_variable\w*|counting_semaphore|binary_semaphore|"
    r"latch|memory_order\w*|stop_token|lock_guard|unique_lock|scoped_lock|call_once|once_flag)\b|\bpthread_\w+\s*\(|\b_Atomic\b|\b__atomic_\w+|\b__sync_\w+")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]+)>|"([^"\n]+)")', re.M)
BACKEND_WORDS = re.compile(r"epoll|io_?uring", re.I)
ENUM = re.compile(r"enum\s+class\s+\w+[^{;]*\{[^}]*\}")

problems = []


def problem(path, text, position, message):
    line = text.count("\n", 0, position) + 1
    problems.append(f"{path}:{line}: {message}")


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(str(path), pattern) for pattern in patterns)


def included_file(path, angled, quoted):
    """The project file that an include names, or None for a foreign one."""
    if angled and angled.startswith("bide/"):
        return f"include/{angled}"
    if quoted:
        return f"src/{quoted}"
    return None


def check_first_line(path):
    named, folder = project.named_layer(path), project.folder_layer(path)
    if str(path) == project.UMBRELLA:
        return
    if named is None:
        want = folder or "<layer>"
        problems.append(f"{path}:1: no layer and purpose in the first line: write `// bide/{want}: what the file is for.`")
    elif named not in project.LAYERS:
        problems.append(f"{path}:1: there is no layer {named}: name one of {', '.join(project.LAYERS)}")
    elif folder and named != folder:
        problems.append(f"{path}:1: names layer {named} but lies in {folder}'s folder: mend the line or move the file")


def check_includes(path, code):
    layer = project.layer_of(path)
    level = project.LAYERS.get(layer)
    public = path.parts[0] == "include"
    for match in INCLUDE.finditer(code):
        angled, quoted = match.groups()
        name = angled or quoted
        if quoted and public:
            problem(path, code, match.start(), f'a public header includes "{name}": include a public or detail header as <bide/...>')
            continue
        if quoted and (name.startswith("bide/") or ".." in name or "/" not in name):
            problem(path, code, match.start(), f'"{name}" is misspelled: private headers are "layer/x.hpp", public ones <bide/x.hpp>')
            continue
        target = included_file(path, angled, quoted)
        if target is None:
            check_foreign(path, code, match.start(), name)
            continue
        if not (project.ROOT / target).is_file():
            problem(path, code, match.start(), f"{name} does not exist: mend the include")
            continue
        if any(fnmatch.fnmatchcase(str(path), a) and fnmatch.fnmatchcase(target, b) for a, b in INCLUDE_EXEMPT):
            continue
        if target == project.UMBRELLA:
            if level is None or level <= 7:
                problem(path, code, match.start(), "<bide/bide.hpp> drags in every layer: include the headers that are used")
            continue
        other = project.layer_of(target)
        other_level = project.LAYERS.get(other)
        if level is None or other_level is None:
            continue                     # the first-line check already says so
        if other_level > level or (other_level == level and other != layer):
            problem(path, code, match.start(),
                    f"{layer} ({level}) includes {name} of {other} ({other_level}): offer a hook here and fill it there, or move the code")


def check_foreign(path, code, position, name):
    for pattern, (owners, reason) in FOREIGN_HEADERS.items():
        if fnmatch.fnmatchcase(name, pattern):
            if not matches(path, owners):
                problem(path, code, position, f"<{name}> belongs to {', '.join(owners)} ({reason}): use what that file offers")
            return
    if matches(name, OS_HEADERS) and not matches(path, SYSCALLS_EXEMPT):
        if not any(fnmatch.fnmatchcase(str(path), p) and fnmatch.fnmatchcase(name, h) for p, h in OS_HEADERS_EXEMPT):
            problem(path, code, position, f"<{name}> is an OS header: only src/os/ talks to the OS; add what is needed there")


def check_words(path, code):
    if not matches(path, SYSCALLS_EXEMPT):
        for match in SYSCALL.finditer(code):
            problem(path, code, match.start(), f"system call {match.group(0).rstrip('(')}: only src/os/ makes them; add a function there")
    if not matches(path, THREADS_EXEMPT):
        places = [m for m in INCLUDE.finditer(code) if m.group(1) in THREAD_HEADERS] + list(THREAD_WORDS.finditer(code))
        if places:                       # one line per file: the cure is one decision
            more = f" and {len(places) - 1} more" if len(places) > 1 else ""
            problem(path, code, places[0].start(),
                    f"{places[0].group(0).strip()}{more}: all but the files in THREADS_EXEMPT is single-threaded: use the inbox or the worker pool")


def check_backend_names(path, text):
    if matches(path, BACKEND_NAMES_EXEMPT):
        return
    if str(path) == BACKEND_ENUM_FILE:
        # Comments may explain the enum; in the code the names occur in one enum.
        text = project.strip_comments(text)
        for enum in ENUM.findall(text):
            if BACKEND_WORDS.search(enum):
                text = text.replace(enum, "\n" * enum.count("\n"), 1)
                break
    for match in BACKEND_WORDS.finditer(text):
        problem(path, text, match.start(), f"the word {match.group(0)}: only src/os/ knows its backends; say what is meant, not who does it")


library = project.files("include/**/*.hpp", "src/**/*.hpp", "src/**/*.cpp")
for path in library:
    text = project.read(path)
    code = project.strip_comments(text)
    check_first_line(path)
    check_includes(path, code)
    check_words(path, code)
    check_backend_names(path, text)
for path in project.files("tests/**/*.cpp", "tests/**/*.hpp", "examples/**/*.cpp"):
    check_backend_names(path, project.read(path))

project.finish("layers", problems, f"{len(library)} files keep the rules")

# bide/bench: the same workloads on Python's asyncio, or on uvloop with --uvloop.
import asyncio
import os
import random
import sys
import tempfile
import threading
import time

PAIRS_PER_TURN = 256  # as in the C++ programs: the loop gets a turn after so many start-and-cancel pairs
QUEUE_CAPACITY = 64


async def child(x):
    return x + 1


async def noop():
    pass


async def call(n):
    for i in range(n):
        await child(i)


async def yield_(n):
    for _ in range(n):
        await asyncio.sleep(0)


async def spawn(n):
    for _ in range(n):
        await asyncio.create_task(noop())


async def sleep(n, seconds):
    tasks = [asyncio.create_task(asyncio.sleep(seconds)) for _ in range(n)]
    for task in tasks:
        await task


async def timers(n):
    loop = asyncio.get_running_loop()
    ignore = int
    delays = [random.uniform(1, 60) for _ in range(1024)]
    live = [loop.call_later(random.uniform(1, 60), ignore) for _ in range(n)]
    start = time.perf_counter()
    for i in range(n):
        loop.call_later(delays[i % 1024], ignore).cancel()
        if i % PAIRS_PER_TURN == 0:
            await asyncio.sleep(0)
    elapsed = time.perf_counter() - start
    assert len(live) == n
    return elapsed


async def call_soon(n):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = n

    def link():
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(link)
        else:
            done.set_result(None)

    loop.call_soon(link)
    await done


async def threadsafe(n):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    ran = 0
    start = 0.0

    def count():
        nonlocal ran
        ran += 1
        if ran == n:
            done.set_result(None)

    def produce():
        nonlocal start
        time.sleep(0.02)  # the loop is asleep when the burst begins
        start = time.perf_counter()
        for _ in range(n):
            loop.call_soon_threadsafe(count)

    producer = threading.Thread(target=produce)
    producer.start()
    await done
    elapsed = time.perf_counter() - start
    producer.join()
    return elapsed


async def lock(n):
    mutex = asyncio.Lock()
    for _ in range(n):
        await mutex.acquire()
        mutex.release()


async def queue(n):
    items = asyncio.Queue(QUEUE_CAPACITY)

    async def produce():
        for i in range(n):
            await items.put(i)

    producer = asyncio.create_task(produce())
    for _ in range(n):
        await items.get()
    await producer


async def to_thread(n):
    for _ in range(n):
        await asyncio.to_thread(int)


async def spawn_wait(n):
    for _ in range(n):
        child = await asyncio.create_subprocess_exec("/bin/true")
        await child.wait()


async def cat(n):
    data = b"x" * (n << 20)
    child = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    out, _ = await child.communicate(data)
    assert len(out) == len(data)


def read_whole(path):
    with open(path, "rb") as file:
        return file.read()


async def small(n):
    readers = 16

    async def read_some(first):
        for i in range(first, n, readers):
            assert len(await asyncio.to_thread(read_whole, paths[i % len(paths)])) == 1000

    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, str(i)) for i in range(1000)]
        for path in paths:
            with open(path, "wb") as file:
                file.write(b"x" * 1000)
        start = time.perf_counter()
        await asyncio.gather(*(read_some(first) for first in range(readers)))
        return time.perf_counter() - start


MODES = {
    "call": call, "yield": yield_, "spawn": spawn, "sleep": sleep, "timers": timers, "call_soon": call_soon,
    "threadsafe": threadsafe, "lock": lock, "queue": queue, "to_thread": to_thread,
    "spawn_wait": spawn_wait, "cat": cat, "small": small,
}  # fmt: skip


def peak_kib():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


async def measure(mode, *args):
    start = time.perf_counter()
    elapsed = await MODES[mode](*args)  # a mode may time a part of itself
    return elapsed or time.perf_counter() - start


def main():
    args = [arg for arg in sys.argv[1:] if arg != "--uvloop"]
    if len(args) < 2 or args[0] not in MODES:
        sys.exit(f"usage: tasks.py {'|'.join(MODES)} N [SECONDS] [--uvloop]")
    if "--uvloop" in sys.argv:
        import uvloop

        uvloop.install()
    mode, n = args[0], int(args[1])
    extra = [float(args[2]) if len(args) > 2 else 10.0] if mode == "sleep" else []
    seconds = asyncio.run(measure(mode, n, *extra))
    kib = peak_kib()
    print(
        f"{mode} n={n} {seconds:.3f} s {seconds * 1e9 / n:.2f} ns each rss {kib} KiB ({kib * 1024 / n:.0f} B each)",
        flush=True,
    )
    os._exit(0)  # skips freeing a million objects


main()

# bide/bench: calls in a worker process with Python's ProcessPoolExecutor on asyncio.
import asyncio
import concurrent.futures
import sys
import time

AT_ONCE = 1000


def echo(message):
    return message


async def pool_call(loop, pool, n):
    for _ in range(n):
        await loop.run_in_executor(pool, echo, b"x" * 64)


async def pool_many(loop, pool, n):
    for i in range(0, n, AT_ONCE):
        await asyncio.gather(*(loop.run_in_executor(pool, echo, b"x" * 64) for _ in range(min(AT_ONCE, n - i))))


async def pool_map(loop, pool, n):
    assert len(list(pool.map(echo, [b"x" * 64] * n, chunksize=64))) == n


async def pool_mib(loop, pool, n):
    message = b"x" * (1 << 20)
    for _ in range(n):
        await loop.run_in_executor(pool, echo, message)


async def pool_view(loop, pool, n):
    message = b"x" * (1 << 20)
    for _ in range(n):
        await loop.run_in_executor(pool, len, message)


MODES = {"pool_call": pool_call, "pool_many": pool_many, "pool_map": pool_map, "pool_mib": pool_mib,
         "pool_view": pool_view}  # fmt: skip


async def measure(mode, n):
    loop = asyncio.get_running_loop()
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        await loop.run_in_executor(pool, echo, b"")  # starts the worker
        start = time.perf_counter()
        await MODES[mode](loop, pool, n)
        return time.perf_counter() - start


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in MODES:
        sys.exit(f"usage: pool.py {'|'.join(MODES)} N")
    mode, n = sys.argv[1], int(sys.argv[2])
    seconds = asyncio.run(measure(mode, n))
    print(f"{mode} n={n} {seconds:.3f} s {seconds * 1e9 / n:.2f} ns each rss 0 KiB (0 B each)", flush=True)


if __name__ == "__main__":
    main()

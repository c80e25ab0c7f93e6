"""The same show as examples/demo_million.cpp, on Python's asyncio. usage: million.py [TASKS]"""

import asyncio
import os
import random
import sys
import time

TIMERS = 10_000
woken = fired = 0
latest = 0.0  # how long after its moment the latest timer came
shown = -1


async def sleeper(delay):
    global woken
    await asyncio.sleep(delay)
    woken += 1


async def give_way(times):
    for _ in range(times):
        await asyncio.sleep(0)


def fire(due):
    global fired, latest
    fired += 1
    latest = max(latest, time.monotonic() - due)


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def progress(passed, tasks):
    global shown
    terminal, quarter = sys.stderr.isatty(), 4 * woken // tasks
    if not terminal and quarter == shown:
        return
    shown = quarter
    line = f"{passed:5.1f} s: {tasks - woken:8} tasks asleep, {woken:7} awake again, {fired:5} timers fired"
    print("\r" * terminal + line, end="" if terminal and quarter < 4 else "\n", file=sys.stderr, flush=True)


async def show(tasks):
    loop, now = asyncio.get_running_loop(), time.monotonic
    memory, start, starting = resident_bytes(), now(), time.process_time()
    kept = []  # the loop itself would let them be collected
    for i in range(tasks):
        kept.append(asyncio.create_task(sleeper(random.uniform(1.5, 3.5))))
        if i % 1000 == 999:
            await asyncio.sleep(0)
    print(f"ns to start a task: {(time.process_time() - starting) * 1e9 / tasks:.0f}")
    print(f"bytes for a sleeping task: {(resident_bytes() - memory) / tasks:.0f}")

    for _ in range(TIMERS):
        wait = random.uniform(1.5, 3.5)
        loop.call_later(wait, fire, now() + wait)
    while woken < tasks or fired < TIMERS:
        progress(now() - start, tasks)
        await asyncio.sleep(0.02)
    progress(now() - start, tasks)
    print(f"seconds in all: {now() - start:.2f}")
    print(f"ms that the latest timer was late: {latest * 1e3:.2f}")

    turning = time.process_time()
    await asyncio.gather(give_way(tasks // 2), give_way(tasks // 2))
    print(f"ns to switch to another task: {(time.process_time() - turning) * 1e9 / tasks:.1f}", flush=True)
    os._exit(0)  # without it, the interpreter frees the tasks one by one


asyncio.run(show(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))

# bide/bench: reads past the page cache by fio on io_uring, 32 at a time. usage: fio.py direct N FILE
import json
import subprocess
import sys

mode, n, path = sys.argv[1:4]
job = [f"--name={mode}", f"--filename={path}", "--size=256m", "--rw=randread", "--bs=4k", "--direct=1", "--norandommap",
       "--ioengine=io_uring", "--iodepth=32", f"--number_ios={n}", "--output-format=json"]  # fmt: skip
done = subprocess.run(["fio", *job], capture_output=True, text=True)
if done.returncode != 0:
    sys.exit(done.stderr or done.stdout)
read = json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]["read"]
each = 1e9 / read["iops"]
print(f"{mode} n={n} {each * int(n) / 1e9:.3f} s {each:.2f} ns each rss 0 KiB (0 B each)")

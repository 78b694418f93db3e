"""What a report on a million lines takes, a week of 200 access points, beside a loop in plain Python over the same.

    python -m tests.benchmarks.report                     three minutes
    python -m tests.benchmarks.report --quick

Whole processes, interleaved; the median of each is printed, and of the ratios of CPU time to the loop's in the same
round. The loop counts what the table of hours shows, and nothing else.
"""

import gzip
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from . import options as command
from . import tables

PRESENCE_CLI = [sys.executable, "-m", "presence_receiver"]
LOOP = """
import json, pathlib, statistics, sys
from collections import defaultdict
devices, randomised, associated, strengths = (defaultdict(set), defaultdict(set), defaultdict(set), defaultdict(list))
for path in pathlib.Path(sys.argv[1]).glob("presence*"):
    for text in path.open("rb"):
        line = json.loads(text)
        hour, device = line["receivedAt"][:13], line["clientMac"]
        devices[hour].add(device)
        if device[1] in "26AEae":
            randomised[hour].add(device)
        if line["ssid"] is not None:
            associated[hour].add(device)
        if line["rssi"] is not None:
            strengths[hour].append(line["rssi"])
for hour in sorted(devices):
    print(hour, len(devices[hour]), len(randomised[hour]), len(strengths[hour]), len(associated[hour]),
          round(statistics.median(strengths[hour])))
"""
HEAD = ["", "seconds", "CPU seconds", "times the loop's"]


def filled(folder: pathlib.Path, duration: str) -> tuple[pathlib.Path, pathlib.Path, int]:
    """Two folders of the same lines, plain and compressed, and how many lines there are."""
    plain, compressed = folder / "plain", folder / "compressed"
    subprocess.run([*PRESENCE_CLI, "simulate", "--into", plain, "--aps", "200", "--interval", "960", "--duration",
                    duration], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    compressed.mkdir()
    count = 0
    for number, path in enumerate(sorted(plain.glob("presence*"))):
        name = f"presence-20200101T000000.{number:06}Z.jsonl.gz"
        with path.open("rb") as lines, gzip.open(compressed / name, "wb", compresslevel=6) as packed:
            shutil.copyfileobj(lines, packed)
        count += path.read_bytes().count(b"\n")
    return plain, compressed, count


def measured(arguments: list) -> tuple[float, float]:
    """Seconds, and CPU seconds, that a process takes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([str(each) for each in arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def row(name: str, rounds: list[tuple[float, float]], loop: list[tuple[float, float]]) -> list[str]:
    seconds, spent = (statistics.median(figures) for figures in zip(*rounds))
    ratio = statistics.median(one[1] / other[1] for one, other in zip(rounds, loop))
    return [name, f"{seconds:.1f}", f"{spent:.1f}", f"{ratio:.2f}"]


def main():
    options = command.parsed(command.parser(__doc__, rounds=5))
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="presence-benchmark-") as made:
        folder = pathlib.Path(made)
        plain, compressed, count = filled(folder, "1h" if options.quick else "7d")
        report = [*PRESENCE_CLI, "report", "--data-dir"]
        jobs = {
            "loop in plain Python": [sys.executable, "-c", LOOP, plain],
            "table of hours": [*report, plain],
            "table of access points": [*report, plain, "--by", "ap"],
            "page": [*report, plain, "--html", os.devnull],
            "table of hours, compressed files": [*report, compressed],
            "page, compressed files": [*report, compressed, "--html", os.devnull],
        }
        found = {name: [] for name in jobs}
        for _ in range(options.rounds):
            for name, arguments in jobs.items():
                found[name].append(measured(arguments))
    print(f"{tables.machine(pathlib.Path(options.folder))}; medians of {options.rounds} rounds, {count:,} lines.\n")
    loop = found["loop in plain Python"]
    print(tables.table(HEAD, [row(name, rounds, loop) for name, rounds in found.items()]))
    tables.write_json(options.json, found)


if __name__ == "__main__":
    main()

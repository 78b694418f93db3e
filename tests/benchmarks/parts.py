"""The parts of the receiver alone, in microseconds of CPU for one observation, beside what bounds them.

    python -m tests.benchmarks.parts                      a minute
    python -m tests.benchmarks.parts --quick --json parts.json

Two more tables tell what a delivery costs whatever its size: a request to an empty view, and a commit that many share.

The bounds: bare msgspec decoding and encoding of the same bytes, and a bare write with and without
fdatasync. Appending is also given in microseconds of waiting, for a sync waits more than it computes.
"""

import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import msgspec

from . import deliveries, receiver_parts, tables
from . import options as command
from .contenders import ROOT
from .variants import VARIANTS

BOUND = "bare msgspec decode and encode"
JUDGED = "decode, judge and encode"


def bare(body: bytes) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(body))


def bare_append(folder: pathlib.Path, is_synced: bool):
    file = os.open(folder / "bare.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def append(lines: bytes) -> None:
        os.write(file, lines)
        if is_synced:
            os.fdatasync(file)
    return append


def jobs(bodies: list[bytes], folder: pathlib.Path) -> dict:
    """Each part's name, the function that does it and what it gets; those of the receiver that exist."""
    found = {
        "bare msgspec decode": (msgspec.json.decode, bodies),
        "bare msgspec encode": (msgspec.json.encode, [msgspec.json.decode(body) for body in bodies]),
        BOUND: (bare, bodies),
    }
    try:
        return found | receiver_jobs(bodies) | append_jobs(bodies, folder)
    except ImportError as error:
        print(f"The receiver's own parts are left out: {error}.", file=sys.stderr)
        return found


def receiver_jobs(bodies: list[bytes]) -> dict:
    judge = receiver_parts.judge_body
    judge(bodies[0])
    found = {"decode": (receiver_parts.decode_body, bodies), JUDGED: (judge, bodies)}
    odd = {name: list(map(change, bodies)) for name, change in VARIANTS.items()}
    return found | {f"{JUDGED}: {name}": (judge, changed) for name, changed in odd.items()}


def append_jobs(bodies: list[bytes], folder: pathlib.Path) -> dict:
    lines = list(map(receiver_parts.judge_body, bodies))
    found = {}
    for words, is_synced in (("", False), (" and sync", True)):
        found["bare write" + (" and fdatasync" if is_synced else "")] = bare_append(folder, is_synced), lines
        found["append" + words] = receiver_parts.appender(folder / f"data{is_synced}", is_synced), lines
    return found


def microseconds(job, size: int, seconds: float) -> tuple[float, float]:
    """CPU and elapsed time for one observation; a few calls warm up first."""
    do, inputs = job
    for given in inputs[:4]:
        do(given)
    done, cpu, began = 0, time.process_time(), time.perf_counter()
    for given in itertools.cycle(inputs):
        do(given)
        done += size
        elapsed = time.perf_counter() - began
        if elapsed >= seconds:
            return (time.process_time() - cpu) / done * 1e6, elapsed / done * 1e6


def measured(options, size: int) -> dict[str, list[tuple[float, float]]]:
    """Interleaved: every part once a round."""
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="presence-benchmark-") as folder:
        found = jobs(deliveries.bodies(size, deliveries.variety(size)), pathlib.Path(folder))
        rounds = [{name: microseconds(job, size, options.seconds) for name, job in found.items()}
                  for _ in range(options.rounds)]
    return {name: [one[name] for one in rounds] for name in found}


def row(name: str, size: int, rounds: list[tuple[float, float]], bound: float) -> list[str]:
    cpu, elapsed = (statistics.median(figures) for figures in zip(*rounds))
    times = f"{cpu / bound:.2f}" if name.startswith(JUDGED) else ""
    return [name, str(size), f"{cpu:.2f}", f"{elapsed:.2f}", times]


def rows(size: int, found: dict) -> list[list[str]]:
    bound = statistics.median(cpu for cpu, _ in found[BOUND])
    return [row(name, size, rounds, bound) for name, rounds in found.items()]


def requests(options) -> str:
    """What Flask costs around an empty view."""
    jobs = receiver_parts.empty_requests()
    rounds = [{name: microseconds((ask, [b""]), 1, options.seconds) for name, ask in jobs.items()}
              for _ in range(options.rounds)]
    return tables.table(["a request to an empty view", "CPU µs"], [
        [name, f"{statistics.median(one[name][0] for one in rounds):.1f}"] for name in jobs])


def commits(options) -> str:
    """What a delivery of a commit costs that 16 callers share, and where each has its own."""
    given = ["--folder", options.folder, "--rounds", str(options.rounds), "--seconds", str(options.seconds)]
    found = json.loads(subprocess.run([sys.executable, "-m", "tests.benchmarks.together", *given], cwd=ROOT, check=True,
                                      stdout=subprocess.PIPE).stdout)
    middle = {words: tables.medians(rounds) for words, rounds in found.items()}
    return tables.table(["16 callers at once", "deliveries a commit", "a second", "CPU µs", "p99 ms"], [
        [words, f"{one['a commit']:.1f}", tables.count(one["a second"]), f"{one['cpu'] * 1e6:.0f}",
         tables.milliseconds(one["p99"])] for words, one in middle.items()])


def main():
    parser = command.parser(__doc__, seconds=0.5, rounds=5)
    parser.add_argument("--sizes", type=command.numbers, default=[50, 500, 5000])
    options = command.parsed(parser)
    found = {size: measured(options, size) for size in options.sizes}
    print(f"{tables.machine(pathlib.Path(options.folder))}; medians of {options.rounds} rounds.\n")
    print(tables.table(["part", "a delivery", "CPU µs", "elapsed µs", "times the bare"],
                       [line for size in found for line in rows(size, found[size])]))
    print(requests(options), commits(options), sep="\n\n")
    tables.write_json(options.json, found)


if __name__ == "__main__":
    main()

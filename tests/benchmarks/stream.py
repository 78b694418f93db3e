"""What a stream costs the receiver: the same deliveries into its own files and into one real nats-server.

    python -m tests.benchmarks.stream                     a few minutes
    python -m tests.benchmarks.stream --quick

CPU is that of the receiver's processes alone; the server and, afterwards, the collector are beside them. After each
measurement the receiver is killed, the stream collected, and the lines are counted against what was acknowledged.
"""

import contextlib
import pathlib
import subprocess
import sys
import tempfile
import time

from . import options as command
from . import tables
from .contenders import CONTENDERS
from .measure import count_lines, figures, load_arguments, loaded
from .process_tree import cpu_seconds
from .servers import answers, environment, free_port, started

LONGEST = 120
HEAD = ["", "a delivery", "a second", "a CPU-second", "p50 ms", "p99 ms", "missing",
        "server's CPU-s per million", "collector's"]


@contextlib.contextmanager
def nats_server(folder: pathlib.Path):
    """A running server; yields its process and its URL."""
    port, monitor = free_port(), free_port()
    arguments = ["nats-server", "-js", "-a", "127.0.0.1", "-p", str(port), "-m", str(monitor),
                 "-sd", str(folder / "store"), "-l", str(folder / "nats.log")]
    process = subprocess.Popen(arguments, start_new_session=True)
    try:
        until = time.monotonic() + 20
        while not answers(monitor) and time.monotonic() < until:
            time.sleep(0.05)
        yield process, f"nats://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def in_files(options, size: int) -> dict:
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="presence-benchmark-") as name:
        folder = pathlib.Path(name)
        with started(CONTENDERS["receiver"], folder, options.processes) as server:
            found = loaded(server, load_arguments(options, size))
        return figures(found) | {"missing": found["total"] - count_lines(folder / "data"), "beside": ["–", "–"]}


def in_stream(options, size: int) -> dict:
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="presence-benchmark-") as name:
        folder = pathlib.Path(name)
        with nats_server(folder) as (process, url):
            settings = {"PRESENCE_STREAM_URL": url, "PRESENCE_STREAM_REPLICAS": "1"}
            contender = CONTENDERS["receiver"]._replace(environment=settings)
            with started(contender, folder, options.processes) as server:
                found = loaded(server, load_arguments(options, size))
            at_server = cpu_seconds(process.pid)
            seconds = collected(environment(contender, folder, 0, 1), folder / "data", found["total"])
        millions = max(found["total"], 1) / 1e6
        beside = [f"{at_server / millions:.1f}", f"{seconds / millions:.1f}"]
        return figures(found) | {"missing": found["total"] - count_lines(folder / "data"), "beside": beside}


def collected(settings: dict[str, str], data: pathlib.Path, wanted: int) -> float:
    """Collect all that is in the stream; the collector's CPU-seconds."""
    arguments = [sys.executable, "-c", "from presence_receiver.cli.main import main; main()", "collect"]
    process = subprocess.Popen(arguments, env=settings, start_new_session=True, stderr=subprocess.DEVNULL)
    until = time.monotonic() + LONGEST
    while count_lines(data) < wanted and time.monotonic() < until:
        time.sleep(0.5)
    seconds = cpu_seconds(process.pid)
    process.terminate()
    process.wait(20)
    return seconds


WAYS = {"files": in_files, "stream": in_stream}


def main():
    parser = command.parser(__doc__)
    parser.add_argument("--sizes", type=command.numbers, default=[50, 500])
    options = command.parsed(parser)
    rows, speeds = [], {}
    rounds = {(size, way): [] for size in options.sizes for way in WAYS}
    for _ in range(options.rounds):
        for size, way in rounds:
            rounds[size, way].append(WAYS[way](options, size))
    for (size, way), measured in rounds.items():
        found = sorted(measured, key=lambda each: each["per_cpu_second"])[len(measured) // 2]
        speeds[size, way] = found["per_cpu_second"]
        rows.append([way, str(size), tables.count(found["per_second"]), tables.count(found["per_cpu_second"]),
                     tables.milliseconds(found["p50"]), tables.milliseconds(found["p99"]),
                     str(sum(each["missing"] for each in measured)), *found["beside"]])
    print(tables.table(HEAD, rows))
    for size in options.sizes:
        print(f"At {size} a delivery: stream / files = {speeds[size, 'stream'] / speeds[size, 'files']:.2f}")


if __name__ == "__main__":
    main()

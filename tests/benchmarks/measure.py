"""One measurement: one contender, one size, a fresh folder; then the lines on disk are counted."""

import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from .contenders import ROOT, Contender
from .process_tree import memory_bytes
from .servers import Server, started

SAMPLE_SECONDS = 0.25
LONGEST = 600  # seconds for one measurement


def measurement(contender: Contender, load_options, folder=None, processes=2, prepare=None) -> dict:
    """What the load tool found, with `memory` (bytes, over time), `peak` and `missing` lines.

    `prepare` fills the data folder before the server starts and returns how many lines it put there.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="presence-benchmark-") as name:
        data = pathlib.Path(name, "data")
        data.mkdir()
        before = prepare(data) if prepare else 0
        with started(contender, pathlib.Path(name), processes) as server:
            found = loaded(server, load_options)
        found["missing"] = found["total"] - (count_lines(data) - before)
    return figures(found)


def figures(found: dict) -> dict:
    return found | {
        "per_second": found["observations"] / found["seconds"],
        "per_cpu_second": found["observations"] / max(found["cpu_seconds"], 0.01),
        "peak": max(found["memory"]),
    }


def load_arguments(options, size: int) -> list[str]:
    """The load tool's own options, from those that the commands share."""
    names = {"--seconds": options.seconds, "--deliveries": options.deliveries, "--warm-up": options.warm_up,
             "--connections": options.connections, "--rate": options.rate, "--size": size}
    return [text for name, value in names.items() if value is not None for text in (name, str(value))]


def loaded(server: Server, load_options: list[str]) -> dict:
    """Run the load tool in its own process and sample the server's memory meanwhile."""
    command = [sys.executable, "-m", "tests.benchmarks.load", "--port", str(server.port)]
    command += ["--session", str(server.process.pid), *load_options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as load:
        try:
            memory = sampled(server, load)
            return json.load(load.stdout) | {"memory": memory}
        finally:
            load.kill()


def sampled(server: Server, load: subprocess.Popen) -> list[int]:
    memory, until = [memory_bytes(server.process.pid)], time.monotonic() + LONGEST
    while load.poll() is None and time.monotonic() < until:
        time.sleep(SAMPLE_SECONDS)
        memory.append(memory_bytes(server.process.pid))
    return memory


def count_lines(data: pathlib.Path) -> int:
    """Lines in the active file and all closed ones; a file beside its compressed copy counts once."""
    files = {path.name.removesuffix(".gz"): path for path in sorted(data.glob("presence*.jsonl*"))}
    return sum(lines_in(path) for path in files.values() if not path.name.endswith(".lock"))


def lines_in(path: pathlib.Path) -> int:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))

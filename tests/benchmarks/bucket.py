"""What a bucket costs the receiver: the same deliveries into its own files and into a real Ceph on loopback.

    python -m tests.benchmarks.bucket                     ten minutes
    python -m tests.benchmarks.bucket --quick

CPU is that of the receiver's processes alone. After each measurement the receiver is killed, the bucket collected, and
the lines are counted against what was acknowledged. PUTs are those that the gateway has counted, repeated ones too.
"""

import pathlib
import subprocess
import sys
import tempfile

from . import options as command
from . import tables
from .contenders import CONTENDERS
from .measure import count_lines, figures, load_arguments, loaded
from .servers import environment, started

sys.path.append(str(pathlib.Path(__file__).parents[1] / "support"))

from buckets import COLLECT, Store  # noqa: E402
from ceph import Ceph  # noqa: E402

HEAD = ["", "a delivery", "a second", "a CPU-second", "p50 ms", "p99 ms", "missing", "PUTs a delivery"]
MONTH = 30 * 86_400
PUT_DOLLARS, GET_DOLLARS = 5e-6, 0.4e-6
"""S3's standard class in us-east-1 (aws.amazon.com/s3/pricing): a PUT or LIST, a GET; a DELETE is free."""

COMMIT = 64
"""Objects of one of the collector's commits, before each of which it asks once for its claim, as in each round."""

RATES = [("1 a minute", 1 / 60), ("10 a second", 10), ("200 a second", 200)]
GATHERED = [0, 1]
SIZE = 50


class Buckets:
    """A new bucket for each measurement."""

    def __init__(self, ceph: Ceph):
        self._port, self._count, self.puts = ceph.ports[0], 0, ceph.puts

    def next(self) -> Store:
        self._count += 1
        return Store(self._port, f"benchmark-{self._count}").make()


def in_files(options, arguments, buckets, size: int) -> dict:
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="presence-benchmark-") as name:
        folder = pathlib.Path(name)
        with started(CONTENDERS["receiver"], folder, options.processes) as server:
            found = loaded(server, arguments)
        return figures(found) | {"missing": found["total"] - count_lines(folder / "data"), "puts": float("nan")}


def in_bucket(options, arguments, buckets, size: int, gathered: float = 0) -> dict:
    store = buckets.next()
    settings = store.variables | {"PRESENCE_BUCKET_URL": store.url, "PRESENCE_BUCKET_GATHER_SECONDS": str(gathered)}
    contender = CONTENDERS["receiver"]._replace(environment=settings)
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="presence-benchmark-") as name:
        folder = pathlib.Path(name)
        with started(contender, folder, options.processes) as server:
            before = buckets.puts()
            found = loaded(server, arguments)
        puts = (buckets.puts() - before) * size / max(found["total"], 1)
        subprocess.run([sys.executable, "-c", COLLECT, "collect", "--once"], check=True, capture_output=True,
                       env=environment(contender, folder, 0, 1))
        return figures(found) | {"missing": found["total"] - count_lines(folder / "data"), "puts": puts}


WAYS = {"files": in_files, "bucket": in_bucket}


def compare(options, buckets) -> None:
    """Print what both ways cost."""
    rounds = {(size, way): [] for size in options.sizes for way in WAYS}
    for _ in range(options.rounds):
        for size, way in rounds:
            rounds[size, way].append(WAYS[way](options, load_arguments(options, size), buckets, size))
    rows, speeds = [], {}
    for (size, way), measured in rounds.items():
        found = sorted(measured, key=lambda each: each["per_cpu_second"])[len(measured) // 2]
        speeds[size, way] = found["per_cpu_second"]
        rows.append([way, str(size), tables.count(found["per_second"]), tables.count(found["per_cpu_second"]),
                     tables.milliseconds(found["p50"]), tables.milliseconds(found["p99"]),
                     str(sum(each["missing"] for each in measured)), f"{found['puts']:.2f}"])
    print(tables.table(HEAD, rows))
    for size in options.sizes:
        print(f"At {size} a delivery: bucket / files = {speeds[size, 'bucket'] / speeds[size, 'files']:.2f}")


def price(options, buckets) -> None:
    """Print what requests cost a month, at the rates that a receiver gets; the slowest has one object a delivery."""
    rows = []
    for label, rate in RATES:
        for gathered in GATHERED:
            puts = 1.0
            if rate >= 1:
                options.rate, options.connections = rate, max(options.connections, 3 * rate)
                puts = in_bucket(options, load_arguments(options, SIZE), buckets, SIZE, gathered)["puts"]
            month, rounds = puts * rate * MONTH, MONTH / min(10, max(1, 1 / rate))
            gets = month + rounds + max(month / COMMIT, min(month, rounds))
            rows.append([label, f"{gathered} s", f"{puts:.2f}", tables.count(month), f"{month * PUT_DOLLARS:.2f}",
                         f"{gets * GET_DOLLARS + rounds * PUT_DOLLARS:.2f}"])
    print(tables.table(["deliveries", "gathered", "PUTs a delivery", "PUTs a month", "dollars for them",
                        "for collecting"], rows))


def main():
    parser = command.parser(__doc__)
    parser.add_argument("--sizes", type=command.numbers, default=[50, 500])
    options = command.parsed(parser)
    if program := Ceph.missing():
        sys.exit(f"{program} is not installed.")
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="presence-ceph-") as name:
        ceph = Ceph(pathlib.Path(name, "ceph"))
        try:
            buckets = Buckets(ceph.make())
            compare(options, buckets)
            price(options, buckets)
        finally:
            ceph.kill_all()


if __name__ == "__main__":
    main()

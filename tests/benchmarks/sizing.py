"""How many access points one core carries, and that cost and memory do not grow with what is stored.

    python -m tests.benchmarks.sizing                     a few minutes
    python -m tests.benchmarks.sizing --quick

Access points report every 60 seconds, and one delivery carries all those of an account, so it holds 500 or
5000 observations. Scale: the same load with 1 and with 1,000 closed files already there; and an hour of
ten such accounts' deliveries (600 of them), one after the other, with the memory at its tenths.
"""

import gzip
import pathlib

from . import options as command
from . import deliveries, tables
from .contenders import CONTENDERS
from .measure import load_arguments, measurement

DEVICES = [10, 50, 200]
INTERVAL = 60
LINES_A_FILE = 1000
HOURLY = 60
ACCOUNTS = 10


def measured(options, size: int, prepare=None) -> list[dict]:
    return [measurement(CONTENDERS[options.contender], load_arguments(options, size),
                        options.folder, options.processes, prepare) for _ in range(options.rounds)]


def access_points(options) -> str:
    """Access points for each core at 60 s, by devices that each one sees."""
    rows = []
    for size in options.sizes:
        speed = tables.medians(measured(options, size))["per_cpu_second"]
        rows.append([str(size), tables.count(speed), *(tables.count(speed * INTERVAL / n) for n in DEVICES)])
    return tables.table(["observations a delivery", "a CPU-second", *(f"{n} devices" for n in DEVICES)], rows)


def filled(files: int, lines: int):
    """A function that puts so many closed files, equal ones, into a data folder."""
    body = deliveries.bodies(1, 1)[0]
    content = gzip.compress((body + b"\n") * lines)

    def fill(data: pathlib.Path) -> int:
        for number in range(files):
            stamp = f"20200101T{number // 3600:02}{number // 60 % 60:02}{number % 60:02}.000000Z"
            (data / f"presence-{stamp}.jsonl.gz").write_bytes(content)
        return files * lines
    return fill


def growth(options) -> str:
    """Cost and latency by the number of closed files in the folder."""
    rows = []
    for files in (1, options.files):
        found = tables.medians(measured(options, 500, filled(files, options.lines)))
        rows.append([f"{files:,}", tables.count(found["per_cpu_second"]), tables.milliseconds(found["p99"]),
                     tables.megabytes(found["peak"]), str(found["missing"])])
    return tables.table(["closed files", "a CPU-second", "p99 ms", "peak MB", "missing"], rows)


def memory(options) -> str:
    """The memory of the process tree at each tenth of the hour's deliveries."""
    arguments = ["--size", "5000", "--connections", str(min(4, options.connections)), "--seconds", "500",
                 "--deliveries", str(options.hour), "--warm-up", str(options.warm_up)]
    found = measurement(CONTENDERS[options.contender], arguments, options.folder, options.processes)
    samples = found["memory"]
    tenths = [samples[(len(samples) - 1) * tenth // 10] for tenth in range(1, 11)]
    row = [f"{options.hour:,} of 5000", *map(tables.megabytes, tenths), str(found["missing"])]
    return tables.table(["deliveries", *(f"{tenth}0 %" for tenth in range(1, 11)), "missing"], [row])


def parsed():
    parser = command.parser(__doc__)
    parser.add_argument("--sizes", type=command.numbers, default=[500, 5000])
    parser.add_argument("--contender", choices=CONTENDERS, default="receiver")
    parser.add_argument("--files", type=int, default=1000, help="closed files in the full folder")
    parser.add_argument("--lines", type=int, default=LINES_A_FILE, help="lines in each closed file")
    parser.add_argument("--hour", type=int, default=HOURLY * ACCOUNTS, help="deliveries of the memory check")
    options = command.parsed(parser)
    if options.quick:
        options.files, options.lines, options.hour = 20, 10, 10
    return options


def main():
    options = parsed()
    missing = CONTENDERS[options.contender].missing()
    if missing:
        raise SystemExit(f"{options.contender} cannot be measured: {missing}.")
    print(f"{tables.machine(pathlib.Path(options.folder))}; medians of {options.rounds} rounds.\n")
    print(f"Access points a core, one report every {INTERVAL} s:\n", access_points(options), sep="\n")
    print("\nBy what is stored already:\n", growth(options), sep="\n")
    print("\nMemory (PSS, MB) over an hour's deliveries:\n", memory(options), sep="\n")


if __name__ == "__main__":
    main()

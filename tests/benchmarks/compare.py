"""Compare this receiver with its peers: the same deliveries, one server after the other.

    python -m tests.benchmarks.compare                    about fifteen minutes
    python -m tests.benchmarks.compare --quick            a minute, figures without meaning
    python -m tests.benchmarks.compare --sizes 50 --contenders receiver,fastify --json result.json
    python -m tests.benchmarks.compare --old 0b1e2d3 --contenders receiver          new against old, as a ratio
    python -m tests.benchmarks.compare --old 0b1e2d3,a1f2e3d --contenders ""         two old ones

`peers/install.sh` installs what the peers need; one that is not installed is left out, and said so.
Rounds are interleaved: every contender has its turn before the next round begins, in turned order. After each
measurement the server is killed, and the lines in its files are counted against the observations
that it had acknowledged. The ratios are medians of those of each round.
"""

import pathlib
import statistics
import sys

from . import options as command
from . import tables
from .commits import checked_out
from .contenders import CONTENDERS
from .measure import load_arguments, measurement

HEAD = ["receiver", "a delivery", "a second", "a CPU-second", "p50 ms", "p99 ms", "peak MB", "missing"]


def chosen(names: list[str]) -> list[str]:
    """Those that can be started; the others are named on stderr."""
    missing = {name: CONTENDERS[name].missing() for name in names}
    for name, reason in missing.items():
        if reason:
            print(f"{name} is left out: {reason}.", file=sys.stderr)
    return [name for name in names if not missing[name]]


def all_rounds(options) -> dict[tuple[str, int], list[dict]]:
    names = chosen(options.contenders)
    pairs = [(name, size) for size in options.sizes for name in names]
    found = {pair: [] for pair in pairs}
    for number in range(1, options.rounds + 1):
        for name, size in pairs if number % 2 else pairs[::-1]:
            found[name, size].append(one(options, name, size))
            report(number, name, size, found[name, size][-1])
    return found


def one(options, name: str, size: int) -> dict:
    return measurement(CONTENDERS[name], load_arguments(options, size), options.folder, options.processes)


def report(number: int, name: str, size: int, found: dict) -> None:
    """Progress on stderr, with what would make the figures worthless."""
    speed = tables.count(found["per_cpu_second"])
    print(f"round {number}: {name}, {size}: {speed} observations a CPU-second, "
          f"{found['missing']} lines missing, {found['refused']} refused, {found['unanswered']} unanswered, "
          f"sender {found['sender_busy']:.0%} busy", file=sys.stderr, flush=True)


def overview(middle: dict, sizes: list[int]) -> str:
    """Observations per CPU-second: a row for each contender, a column for each size."""
    labels = {name: CONTENDERS[name].label for name, _ in middle}
    rows = [[label, *(tables.count(middle[name, size]["per_cpu_second"]) for size in sizes)]
            for name, label in labels.items()]
    return tables.table(["observations a CPU-second", *(f"{size} a delivery" for size in sizes)], rows)


def ratios(found: dict, sizes: list[int]) -> str:
    """How many times as much as each other one the last receiver (or else the last commit) does for a CPU-second.

    Empty where there is no other.
    """
    names = list(dict.fromkeys(name for name, _ in found))
    subject = "receiver" if "receiver" in names else names[-1]
    rows = [[f"times {CONTENDERS[name].label}", *(ratio(found[subject, size], found[name, size]) for size in sizes)]
            for name in names if name != subject]
    return tables.table([CONTENDERS[subject].label, *(f"{size} a delivery" for size in sizes)], rows) if rows else ""


def ratio(rounds: list[dict], others: list[dict]) -> str:
    pairs = zip(rounds, others)
    return f"{statistics.median(one['per_cpu_second'] / other['per_cpu_second'] for one, other in pairs):.2f}"


def details(middle: dict) -> str:
    return tables.table(HEAD, [[CONTENDERS[name].label, str(size), *cells(found)]
                               for (name, size), found in middle.items()])


def cells(found: dict) -> list[str]:
    return [
        tables.count(found["per_second"]), tables.count(found["per_cpu_second"]),
        tables.milliseconds(found["p50"]), tables.milliseconds(found["p99"]),
        tables.megabytes(found["peak"]), str(found["missing"]),
    ]


def caption(options) -> str:
    return (f"{tables.machine(pathlib.Path(options.folder))}; medians of {options.rounds} rounds of "
            f"{options.seconds:g} s; {options.connections} connections, "
            f"{options.processes} processes a server; "
            "CPU and memory (PSS, four samples a second) of its whole process tree.")


def parsed():
    parser = command.parser(__doc__)
    parser.add_argument("--sizes", type=command.numbers, default=[3, 50, 500, 5000])
    parser.add_argument("--contenders", type=command.names, default=list(CONTENDERS),
                        help=f"any of {','.join(CONTENDERS)}")
    parser.add_argument("--old", type=command.names, default=[], metavar="COMMIT,…", help="commits of this project")
    options = command.parsed(parser)
    options.contenders = [*options.old, *filter(None, options.contenders)]
    unknown = set(options.contenders) - {*options.old, *CONTENDERS}
    if unknown:
        parser.error(f"no such contender: {', '.join(sorted(unknown))}")
    return options


def main():
    options = parsed()
    with checked_out(options.old) as commits:
        CONTENDERS.update(commits)
        found = all_rounds(options)
    middle = {pair: tables.medians(rounds) for pair, rounds in found.items()}
    tables_of_it = overview(middle, options.sizes), ratios(found, options.sizes), details(middle)
    print(caption(options), *filter(None, tables_of_it), sep="\n\n")
    tables.write_json(options.json, {"about": caption(options), "rounds": [
        {"contender": name, "size": size, **one_round}
        for (name, size), rounds in found.items() for one_round in rounds]})


if __name__ == "__main__":
    main()

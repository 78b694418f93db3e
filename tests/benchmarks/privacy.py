"""What pseudonyms cost a delivery of 500: nothing kept, nine in ten addresses known, and none known.

    python -m tests.benchmarks.privacy                    a minute
    python -m tests.benchmarks.privacy --quick

CPU, interleaved; the ratios are those of each round, and their medians are printed. In one process a delivery is judged
alone, and judged and appended with its sync; every body is new. Then a receiver gets the load of `compare`, of which
all 20,000 devices are known after the first seconds.
"""

import pathlib
import random
import statistics
import tempfile
import time

from . import deliveries, receiver_parts, tables
from . import options as command
from .contenders import CONTENDERS
from .measure import load_arguments, measurement

SIZE, BODIES, DEVICES, KNOWN = 500, 20, 5_000, 0.9
KEY = "a key that nobody guesses"
HEAD = ["", "as sent µs", "known µs", "times", "new µs", "times"]


class Bodies:
    """Deliveries whose addresses are of a fixed lot of devices, but for a share of new ones."""

    def __init__(self):
        self._chance = random.Random(deliveries.SEED)
        self.devices = [self._new() for _ in range(DEVICES)]

    def _new(self) -> str:
        return f"{self._chance.getrandbits(48):012X}"

    def next(self, known: float) -> list[bytes]:
        return [self._body(known) for _ in range(BODIES)]

    def _body(self, known: float) -> bytes:
        reports = deliveries.reports(self._chance, SIZE)
        for report in reports:
            for seen in report["observations"]:
                seen["clientMac"] = self._chance.choice(self.devices) if self._chance.random() < known else self._new()
        return deliveries.encoded(reports)


def microseconds(do, bodies: list[bytes], kept) -> float:
    """CPU for one delivery."""
    began = time.process_time()
    for body in bodies:
        do(body, kept)
    return (time.process_time() - began) / len(bodies) * 1e6


def one_round(do, bodies: Bodies, as_sent, warm, cold) -> tuple[float, float, float]:
    """Plain, with nine in ten known, with none known; the rest of them is forgotten before the next round."""
    some, new = bodies.next(KNOWN), bodies.next(0)
    return microseconds(do, some, as_sent), microseconds(do, some, warm), microseconds(do, new, cold())


def row(name: str, rounds: list[tuple[float, float, float]]) -> list[str]:
    plain, known, new = (statistics.median(figures) for figures in zip(*rounds))
    ratios = [statistics.median(one[index] / one[0] for one in rounds) for index in (1, 2)]
    return [name, f"{plain:.0f}", f"{known:.0f}", f"{ratios[0]:.2f}", f"{new:.0f}", f"{ratios[1]:.2f}"]


def served(options) -> float:
    """How many times the CPU of a receiver that keeps all as sent one with the key needs."""
    ratios = []
    for _ in range(max(1, options.rounds // 5)):
        spent = [
            1 / measurement(CONTENDERS["receiver"]._replace(environment=settings), load_arguments(options, SIZE),
                            options.folder)["per_cpu_second"] for settings in ({}, {"PRESENCE_MAC_KEY": KEY})]
        ratios.append(spent[1] / spent[0])
    return statistics.median(ratios)


def main():
    options = command.parsed(command.parser(__doc__, rounds=25))
    bodies, found = Bodies(), {"judged": [], "judged and appended": []}
    as_sent, cold = receiver_parts.keeping(None), lambda: receiver_parts.keeping(KEY)
    warm = receiver_parts.keeping(KEY)
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="presence-benchmark-") as folder:
        append = receiver_parts.appender(pathlib.Path(folder, "data"), True)
        jobs = {"judged": receiver_parts.judge_keeping,
                "judged and appended": lambda body, kept: append(receiver_parts.judge_keeping(body, kept))}
        for _ in range(10):
            microseconds(receiver_parts.judge_keeping, bodies.next(1), warm)
        for _ in range(options.rounds):
            for name, do in jobs.items():
                found[name].append(one_round(do, bodies, as_sent, warm, cold))
    print(f"{tables.machine(pathlib.Path(options.folder))}; medians of {options.rounds} rounds, {SIZE} a delivery.\n")
    print(tables.table(HEAD, [row(name, rounds) for name, rounds in found.items()]))
    print(f"\nServed, all devices known: {served(options):.2f} times the CPU.")
    tables.write_json(options.json, found)


if __name__ == "__main__":
    main()

"""The options that the commands share."""

import argparse
import signal
import sys
import tempfile


def parser(description: str, **defaults) -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=description.splitlines()[0])
    found.add_argument("--rounds", type=int, default=3, help="interleaved rounds; medians are printed")
    found.add_argument("--seconds", type=float, default=4, help="of load for one measurement")
    found.add_argument("--deliveries", type=int, help="stop a measurement after so many, if that is sooner")
    found.add_argument("--warm-up", type=float, default=3, help="seconds of load before each measurement")
    found.add_argument("--connections", type=int, default=16)
    found.add_argument("--rate", type=float, help="deliveries a second, instead of as fast as answered")
    found.add_argument("--processes", type=int, default=2, help="worker processes of each server")
    found.add_argument("--folder", default=tempfile.gettempdir(), help="where data is written: a real disk")
    found.add_argument("--json", metavar="FILE", help="write every single figure there, too")
    found.add_argument("--quick", action="store_true", help="small numbers, to see that all of it works")
    found.set_defaults(**defaults)
    return found


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Also lets SIGTERM end a command the way Ctrl-C does, so that no server is left behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.warm_up, options.connections = 1, 0.3, 0.2, 4
    return options


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def names(text: str) -> list[str]:
    return text.split(",")

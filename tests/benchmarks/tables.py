"""Medians, and tables in reStructuredText for the README."""

import json
import math
import os
import pathlib
import platform
import statistics
import time


def medians(rounds: list[dict]) -> dict:
    """The median of every figure; lines missing and deliveries not answered well are summed instead."""
    summed = ("missing", "refused", "unanswered")
    numbers = [name for name, value in rounds[0].items() if isinstance(value, (int, float))]
    return {name: (sum if name in summed else statistics.median)([found[name] for found in rounds])
            for name in numbers}


def table(head: list[str], rows: list[list[str]]) -> str:
    """A simple table: the first column to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    rule = "  ".join("=" * width for width in widths)
    return "\n".join([rule, line(head, widths), rule, *(line(row, widths) for row in rows), rule])


def line(cells: list[str], widths: list[int]) -> str:
    first, *others = zip(cells, widths)
    cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
    return "  ".join(cells).rstrip()


def count(value: float) -> str:
    """Three digits that mean something: 157,000 rather than 157,341."""
    if value <= 0 or math.isnan(value):
        return "0" if value == 0 else "–"
    return f"{round(value, 2 - math.floor(math.log10(value))):,.0f}"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f}"


def megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f}"


def machine(folder: pathlib.Path) -> str:
    """Date, processor, cores and the filesystem that holds the data, in one line."""
    return (f"{time.strftime('%Y-%m-%d')}, {processor()}, {os.cpu_count()} cores, "
            f"Linux {platform.release().split('-')[0]}, data on {filesystem(folder)}")


def processor() -> str:
    names = [text.partition(":")[2].strip() for text in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
             if text.startswith("model name")]
    return names[0] if names else platform.machine()


def filesystem(folder: pathlib.Path) -> str:
    """The type of the mount with the longest path that holds the folder; a sync costs nothing on tmpfs."""
    mounts = [text.split()[1:3] for text in pathlib.Path("/proc/mounts").read_text().splitlines()]
    holding = [(len(place), kind) for place, kind in mounts if folder.resolve().is_relative_to(place)]
    return max(holding)[1]


def write_json(path: str | None, result: dict) -> None:
    if path:
        pathlib.Path(path).write_text(json.dumps(result, indent=1) + "\n")

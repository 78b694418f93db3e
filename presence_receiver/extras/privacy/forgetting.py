"""Devices taken out of closed files, file by file; in each all is gone or all is there. Knows no command line."""
from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from presence_receiver.config import Settings
from presence_receiver.extras.privacy.device import Devices
from presence_receiver.storage import (
    STEMS, UNREADABLE, Housekeeping, Progress, closed_files, lines_in, odd_paths, rewrite, stored_files,
    why_unreadable,
)

Show = Callable[[str], AbstractContextManager[Progress]]
"""Given a file's name, what shows how far it is."""


@dataclasses.dataclass
class Found:
    """What there is of the devices in a file: lines of their own, and lines that only name them.

    `fault` says why the file is as it was.
    """

    path: Path
    own: int = 0
    naming: int = 0
    fault: str = ""


def look(settings: Settings, devices: Devices, show: Show) -> Iterator[Found]:
    """Tell of each file, the two that grow and odd ones too, what `forget` would find, and change nothing."""
    for stem in STEMS:
        for path in [*odd_paths(settings.data_dir, stem), *stored_files(settings.data_dir, stem)]:
            compressed = path.with_name(f"{path.name}.gz")
            yield _counted(path if path.exists() or not compressed.exists() else compressed, devices, show)


def forget(settings: Settings, devices: Devices, show: Show) -> Iterator[Found]:
    """Close the two files that grow, then take the devices out of each closed file, and tell of it.

    StorageError where they cannot be closed, OSError where nothing can be begun. Done again, it goes on where it was
    cut off.
    """
    with Housekeeping(settings).paused():
        for stem in STEMS:
            for path in closed_files(settings.data_dir, stem):
                found = _counted(path, devices, show)
                if found.own + found.naming and not found.fault:
                    _rewrite(found, devices, show)
                yield found


def _counted(path: Path, devices: Devices, show: Show) -> Found:
    found = Found(path)
    try:
        with show(path.name) as progress:
            for line in lines_in(path, progress):
                if devices.are_in(line):
                    is_own = not devices.without(line)
                    found.own += is_own
                    found.naming += not is_own
    except UNREADABLE as failure:
        found.fault = why_unreadable(failure)
    return found


def _rewrite(found: Found, devices: Devices, show: Show) -> None:
    try:
        with show(found.path.name) as progress:
            rewrite(found.path, lambda line: devices.without(line) if devices.are_in(line) else line, progress)
    except UNREADABLE as failure:
        found.fault = why_unreadable(failure)

"""What a folder needs beside its files: names that survive a power cut."""
from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

MODE = 0o750


def make(folder: Path) -> None:
    """Make the folder, and those above it that are missing; return when their names survive a power cut."""
    if folder.is_dir():
        return
    make(folder.parent)
    with suppress(FileExistsError):
        os.mkdir(folder, MODE)
    sync(folder.parent)


def sync(folder: Path) -> None:
    """Return when what was created, renamed or removed in the folder survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""What a folder needs beside its files: names that survive a power cut."""
from __future__ import annotations

import os
from pathlib import Path


def sync(folder: Path) -> None:
    """Return when what was created, renamed or removed in the folder survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

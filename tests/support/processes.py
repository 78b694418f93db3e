"""What the kernel tells of a running process: what it has open, its children, its memory."""
import os
import re
from pathlib import Path


def opened(process):
    """What its descriptors lead to; one that is closed meanwhile is left out."""
    links = Path(f"/proc/{process}/fd").iterdir()
    return [target for target in map(target_of, links) if target is not None]


def target_of(link):
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return None


def children(process):
    """The process ids of its children, in order."""
    return sorted(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))


def threads(process):
    """The ids of its threads."""
    return {path.name for path in Path(f"/proc/{process}/task").iterdir()}


def memory(process, field):
    """A field of its status, in bytes."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", text)[1]) * 1024

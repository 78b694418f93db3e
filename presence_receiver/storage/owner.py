"""Whose the files in a data folder are: the receiver's, whoever else works on them."""
from __future__ import annotations

import os
import pwd
from pathlib import Path

from presence_receiver.errors import Refused
from presence_receiver.storage import durable

NAMES = (
    "presence.jsonl", "rejected.jsonl", ".presence.lock", ".housekeeping.lock", ".replay.journal", ".last-delivery",
    ".quiet",
)


def strange_names(folder: Path) -> list[str]:
    """Return a sentence for each of our own names in the folder under which there is a link, a FIFO or a folder.

    Or one for the folder itself, where that is none.
    """
    if os.path.exists(folder) and not os.path.isdir(folder):
        return [f"PRESENCE_DATA_DIR must be a folder, and {folder} is none."]
    return [
        f"{folder / name} must be a plain file, and is a link, a FIFO or a folder: move it away."
        for name in NAMES if durable.strange(folder / name)
    ]


def become_owner(folder: Path) -> None:
    """Let what this process makes from now on be the receiver's: of who owns the lock file, where there is one.

    Root becomes that user for good; Refused where another user asks.
    """
    try:
        lock = os.lstat(folder / ".presence.lock")
    except FileNotFoundError:
        return
    if lock.st_uid == os.geteuid():
        return
    if os.geteuid() != 0:
        name = user_name(lock.st_uid)
        raise Refused(f"The files in {folder} belong to {name}: run this as sudo -u {name} presence-cli")
    os.setgroups([])
    os.setresgid(lock.st_gid, lock.st_gid, lock.st_gid)
    os.setresuid(lock.st_uid, lock.st_uid, lock.st_uid)


def user_name(user: int) -> str:
    """Return the user's name; the number where there is none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"#{user}"

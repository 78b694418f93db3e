"""Whose the files in a data folder are: the receiver's, whoever else works on them."""
from __future__ import annotations

import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path

from presence_receiver.errors import Refused
from presence_receiver.storage import durable

NAMES = (
    "presence.jsonl", "rejected.jsonl", ".presence.lock", ".housekeeping.lock", ".replay.journal", ".last-delivery",
    ".quiet",
)


OWNED = (".presence.lock", "presence.jsonl", "rejected.jsonl")
"""Whose the first of these is that is there, all is: a backup that was put back may have no hidden ones."""


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
    """Let what this process makes from now on be the receiver's, whose the files are, or else the folder.

    Root becomes that user for good. Refused where another user asks, or where there is no such folder to enter.
    """
    owner = _owner(folder)
    if owner is None or owner.st_uid == os.geteuid():
        return
    if os.geteuid() != 0:
        name = user_name(owner.st_uid)
        raise Refused(f"The files in {folder} belong to {name}: run this as sudo -u {name} presence-cli")
    os.setgroups([])
    os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
    os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)


def _owner(folder: Path) -> os.stat_result | None:
    """Return whose the files are; None where there are none yet and whoever asks may make them."""
    for name in OWNED:
        with suppress(OSError):
            return os.lstat(folder / name)
    found = found_folder(folder)
    return None if os.geteuid() and os.access(folder, os.W_OK | os.X_OK) else found


def found_folder(folder: Path) -> os.stat_result | None:
    """Return what is known of the folder, None where nothing has its name; Refused where it is no folder to be seen."""
    try:
        found = os.stat(folder)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise Refused(f"{folder} lies in a folder that is closed to you: run this as the receiver's user.") from None
    except OSError:
        raise no_folder(folder) from None
    if not stat.S_ISDIR(found.st_mode):
        raise no_folder(folder)
    return found


def no_folder(folder: Path) -> Refused:
    """Return what to say where a command's folder is none."""
    return Refused(f"{folder} is no folder: give the receiver's as --data-dir.")


def user_name(user: int) -> str:
    """Return the user's name; the number where there is none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"#{user}"

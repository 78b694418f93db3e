"""A file with other words in its place: all of them, or what was there before."""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, words: str, mode: int | None = None) -> None:
    """Write a draft beside it, then let it take the place. Raises OSError.

    Without a `mode` that of what was there stays, and its owner where we may; a new file has the usual one.
    """
    before = path.stat() if mode is None and path.exists() else None
    draft = path.with_name(f".presence-cli-{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    usual = 0o666 if mode is None else mode
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if before else usual)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(words)
            if before:
                with suppress(PermissionError):
                    os.fchown(descriptor, before.st_uid, before.st_gid)
                os.fchmod(descriptor, before.st_mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)

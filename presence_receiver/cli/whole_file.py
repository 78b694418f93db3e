"""A file with other words in its place: all of them, or what was there before."""

import os
from pathlib import Path


def write_whole(path: Path, words: str, mode: int = 0o666) -> None:
    """Write a draft beside it, then let it take the place; `mode` is a new file's, less the umask. Raises OSError."""
    draft = path.with_name(f".presence-cli-{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(words)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)

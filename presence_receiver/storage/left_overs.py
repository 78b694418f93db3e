"""What a crash left half written, by its name: nobody needs it any more."""
from __future__ import annotations

from collections.abc import Collection

from presence_receiver.storage import compression, rewriting, rotation

NEXT = {f".{stem}.jsonl.next" for stem in rotation.STEMS}


def among(names: Collection[str]) -> list[str]:
    """Return those of a folder's names that are to be removed; what a noted replay has prepared is still needed."""
    is_noted = ".replay.journal" in names
    return [
        name for name in names
        if compression.is_left_over(name) or rewriting.is_left_over(name) or name in NEXT
        or name.endswith((".replay", ".replay.draft")) and not is_noted
    ]

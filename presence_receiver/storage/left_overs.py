"""What a crash left half written, by its name: nobody needs it any more."""
from __future__ import annotations

from collections.abc import Collection

from presence_receiver.storage import compression, rewriting, rotation

UNDER_THE_LOCK = {".replay.draft", *(f".{stem}.jsonl.next" for stem in rotation.STEMS)}
"""What is made by whoever holds the writer's lock, and is nobody's only when that is free."""


def among(names: Collection[str]) -> list[str]:
    """Return those of a folder's names that are nobody's now; what a noted replay has prepared is still needed."""
    is_noted = ".replay.journal" in names
    return [
        name for name in names
        if compression.is_left_over(name) or rewriting.is_left_over(name) or name.endswith(".replay") and not is_noted
    ]

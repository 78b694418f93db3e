"""Which names of environment variables are ours: a mistyped setting is told, and a removed one may end the start."""
from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator

KNOWN = re.compile(r"PRESENCE_(API|ENV_FILE|(\w+_)?(SERVICE_\w+|PORT(_\w+)?))")
"""The command line's two, and what Kubernetes injects for a service called presence or presence-something."""

REMOVED = {
    "PRESENCE_STREAM_URL":
        "collect what is in the stream with the version before, then set PRESENCE_BUCKET_URL instead.",
}
"""Settings that there were and whose loss would send lines elsewhere: the name, and what to do instead."""


def removed(names: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each name that ends the start."""
    return (f"{name} is no setting any more: {REMOVED[name]}" for name in sorted(names) if name in REMOVED)


def unknown(names: Iterable[str], settings: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each name that begins like a setting and is none."""
    for name in sorted(names):
        if name.startswith("PRESENCE_") and name not in settings and not KNOWN.fullmatch(name):
            nearest = difflib.get_close_matches(name, settings, 1, cutoff=0.85)
            yield f"{name} is no setting and is ignored" + (f"; is {nearest[0]} meant?" if nearest else ".")

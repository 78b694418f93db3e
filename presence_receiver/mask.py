"""Keeps credentials out of everything that is printed: messages, traces, the API's own words.

It only knows strings; whoever reads a credential adds it here before anything can go wrong with it.
"""

import json
import re
from urllib.parse import quote

HIDDEN = "***"
SHORTEST = 4  # shorter values would blank out half of any text, and no credential is that short
SECRET_MEMBER = re.compile(r'("\w*(?:secret|token|password)\w*"\s*:\s*")(?:[^"\\]|\\.)*', re.IGNORECASE)


class Mask:
    """Called with a text, gives it back with every known credential as `***`."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def add(self, value: str | None) -> None:
        """Hide `value` from now on, also as it looks inside JSON or a URL."""
        if value and len(value) >= SHORTEST:
            self._values |= {value, json.dumps(value)[1:-1], quote(value, safe="", errors="surrogatepass")}

    def __call__(self, text: str) -> str:
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, HIDDEN)
        return SECRET_MEMBER.sub(rf"\g<1>{HIDDEN}", text)


def one_line(text: str) -> str:
    """Return the text without line breaks and without anything that a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in " ".join(text.split()))

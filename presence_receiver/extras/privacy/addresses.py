"""What an address of a device looks like in a text, in all the ways in which people and machines write one.

The 12 digits of an address, in lower case and without separators, are its digits here.
"""
from __future__ import annotations

import re
import socket
import unicodedata
from collections.abc import Callable, Iterator

from presence_receiver.budgets import Budget

WINDOW, LONGEST = 64 * 1024, 100
"""Characters that are gone through at once; and more than an address has, and what makes it one around it."""

HEX = "[0-9A-Fa-f]"
BETWEEN = "(?:[:-]|%3[Aa]|%2[Dd])"
"""What stands between two pairs, in one address not always the same; percent signs are a URL's."""

WORD = rf"[A-Fa-f]{{0,4}}{HEX}{{12}}[A-Fa-f]{{0,4}}(?!{HEX})"
_START = rf"(?:(?<!{HEX})" + "".join(rf"|(?<=(?<!{HEX})[A-Fa-f]{{{count}}})" for count in range(1, 5)) + ")"
_END = "(?![A-Fa-f]{0,4}[0-9])(?![A-Fa-f]{5})"
"""12 digits with letters around them that may be those of a word, as in mac5cb901642e60; and what makes a run that."""

NOTATIONS = rf"""
    (?P<uuid> {HEX}{{8}}(?:-{HEX}{{4}}){{3}}-)(?={HEX}{{12}})
    | (?P<eui64> {_START}{HEX}{{6}}[Ff]{{3}}[Ee]{HEX}{{6}}{_END}
        | {HEX}{{2}}(?:{BETWEEN}{HEX}{{2}}){{2}}{BETWEEN}[Ff]{{2}}{BETWEEN}[Ff][Ee](?:{BETWEEN}{HEX}{{2}}){{3}} )
    | (?P<ipv6> (?<!{HEX}){HEX}{{1,4}}[:.-]{HEX}{{0,2}}[Ff]{{2}}[:.-][Ff][Ee]{HEX}{{2}}[:.-]{HEX}{{1,4}} )
    | (?P<plain> {_START}{HEX}{{12}}{_END} | {HEX}{{2}}(?:{BETWEEN}{HEX}{{2}}){{5}}
        | {HEX}{{2}}(?P<gap>[._\ ]){HEX}{{2}}(?:(?P=gap){HEX}{{2}}){{4}}
        | {HEX}{{4}}(?P<dot>[.-]){HEX}{{4}}(?P=dot){HEX}{{4}}
        | (?<!\d){HEX}{{6}}[:.-]{HEX}{{6}}(?!\d) )
    | (?<![:\d])(?P<short> {HEX}{{1,2}}(?::{HEX}{{1,2}}){{5}} )(?![:0-9A-Fa-f])
"""
"""For re.VERBOSE. FF FE in the midst of an EUI-64, and of an IPv6 address made from one, is no part of the address."""

_found = re.compile(NOTATIONS, re.VERBOSE)
_whole = re.compile(rf"(?:{NOTATIONS})\Z", re.VERBOSE)
_no_digit = re.compile(rf"%3[Aa]|%2[Dd]|{HEX.replace('[', '[^')}")


def plain(text: str) -> str:
    """Return the text with digits of other alphabets, and wide digits and letters, as plain ones."""
    if text.isascii():
        return text
    return re.sub(r"\d", lambda digit: str(unicodedata.decimal(digit[0])), unicodedata.normalize("NFKC", text))


def replaced(text: str, by: Callable[[str], str]) -> str:
    """Return the text with every address in it replaced by what its digits give; itself where there is none."""
    before = plain(text)
    after = "".join(_by_windows(before, by)) if len(before) > WINDOW else _found.sub(
        lambda found: _shown(found, by), before)
    return text if after == before else after


def _shown(found: re.Match[str], by: Callable[[str], str]) -> str:
    return by(address) if (address := digits_of(found)) else found[0]


def _by_windows(text: str, by: Callable[[str], str]) -> Iterator[str]:
    """Yield the pieces of the text; others may go on between two windows, for 16 MiB of digits take seconds."""
    rest, start = Budget(rests=True).rest, 0
    for end in range(WINDOW, len(text) + WINDOW, WINDOW):
        while (found := _found.search(text, start, end + LONGEST)) and found.start() < end:
            yield text[start:found.start()]
            yield _shown(found, by)
            start = found.end()
        if end < len(text):
            yield text[start:end]
            start = max(start, end)
            rest()
    yield text[start:]


def digits(text: str) -> str | None:
    """Return the digits of a text that is one address and nothing else; None for any other."""
    found = _whole.match(plain(text))
    return digits_of(found) or None if found else None


def digits_of(found: re.Match[str]) -> str:
    """Return the digits of what NOTATIONS found; nothing for what is no address, though the end of it may look so."""
    kind, text = found.lastgroup, found[0].lower()
    if kind == "uuid":
        return ""
    if kind == "short":
        return "".join(part.zfill(2) for part in text.split(":"))
    if kind == "ipv6":
        return from_interface(bytes.fromhex("".join(part.zfill(4) for part in re.split("[:.-]", text))))
    text = _no_digit.sub("", text)
    return text if kind == "plain" else text[:6] + text[10:]


def in_ipv6(text: str) -> str | None:
    """Return the digits of the address from which an IPv6 address was made; None for one that was not (RFC 4291)."""
    try:
        interface = socket.inet_pton(socket.AF_INET6, text.split("%")[0])[8:]
    except (OSError, ValueError):
        return None
    return from_interface(interface) if interface[3:5] == b"\xff\xfe" else None


def interface(digits: str) -> str:
    """Return the 16 digits that an IPv6 address made from this one ends in."""
    return f"{int(digits[:2], 16) ^ 2:02x}{digits[2:6]}fffe{digits[6:]}"


def from_interface(interface: bytes) -> str:
    """Return the digits that an IPv6 address's last eight bytes were made from."""
    return (bytes([interface[0] ^ 2]) + interface[1:3] + interface[5:]).hex()


def is_randomised(digits: str) -> bool:
    """Return whether the address says that it was not given by a maker: its local bit is set."""
    return digits[1] in "2367abef"

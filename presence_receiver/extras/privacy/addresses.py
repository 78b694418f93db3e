"""What an address of a device looks like in a text, in all the ways in which people and machines write one.

The 12 digits of an address, in lower case and without separators, are its digits here.
"""
from __future__ import annotations

import re
import socket
import unicodedata
from collections.abc import Callable

HEX = "[0-9A-Fa-f]"
BETWEEN = "(?:[:-]|%3[Aa]|%2[Dd])"
"""What stands between two pairs, in one address not always the same; percent signs are a URL's."""

NOTATIONS = rf"""
    (?<!{HEX})(?:
        (?P<eui64> {HEX}{{6}}[Ff]{{3}}[Ee]{HEX}{{6}}
            | {HEX}{{2}}(?:{BETWEEN}{HEX}{{2}}){{2}}{BETWEEN}[Ff]{{2}}{BETWEEN}[Ff][Ee](?:{BETWEEN}{HEX}{{2}}){{3}} )
        | (?P<ipv6> {HEX}{{1,4}}[:.-]{HEX}{{0,2}}[Ff]{{2}}[:.-][Ff][Ee]{HEX}{{2}}[:.-]{HEX}{{1,4}} )
        | (?P<plain> {HEX}{{12}} | {HEX}{{2}}(?:{BETWEEN}{HEX}{{2}}){{5}}
            | {HEX}{{2}}(?P<gap>[._\ ]){HEX}{{2}}(?:(?P=gap){HEX}{{2}}){{4}}
            | (?<![.-]){HEX}{{4}}(?P<dot>[.-]){HEX}{{4}}(?P=dot){HEX}{{4}}(?!(?P=dot){HEX})
            | {HEX}{{6}}[:.-]{HEX}{{6}} )
    )(?!{HEX})
    | (?<![:0-9A-Fa-f])(?P<short> {HEX}{{1,2}}(?::{HEX}{{1,2}}){{5}} )(?![:0-9A-Fa-f])
"""
"""For re.VERBOSE. FF FE in the midst of an EUI-64, and of an IPv6 address made from one, is no part of the address."""

_found = re.compile(NOTATIONS, re.VERBOSE)
_whole = re.compile(rf"(?:{NOTATIONS})\Z", re.VERBOSE)
_no_digit = re.compile(rf"%3[Aa]|%2[Dd]|{HEX.replace('[', '[^')}")


def plain(text: str) -> str:
    """Return the text with digits and letters of other alphabets' widths as plain ones."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def replaced(text: str, by: Callable[[str], str]) -> str:
    """Return the text with every address in it replaced by what its digits give; itself where there is none."""
    changed, count = _found.subn(lambda found: by(digits_of(found)), plain(text))
    return changed if count else text


def digits(text: str) -> str | None:
    """Return the digits of a text that is one address and nothing else; None for any other."""
    found = _whole.match(plain(text))
    return digits_of(found) if found else None


def digits_of(found: re.Match[str]) -> str:
    """Return the digits of what NOTATIONS found."""
    kind, text = found.lastgroup, found[0].lower()
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

"""Devices' addresses in all notations, and whether one of them is anywhere in some bytes."""
import re
import unicodedata

DEVICES = ("5cb901642e60", "da3f8c1b7d29", "0c4de9b2a71f")


def _pairs(digits, between):
    return between.join(digits[index:index + 2] for index in range(0, len(digits), 2))


def _interface(digits):
    turned = f"{int(digits[:2], 16) ^ 2:02x}{digits[2:6]}fffe{digits[6:]}"
    return ":".join(turned[index:index + 4].lstrip("0") or "0" for index in range(0, 16, 4))


NOTATIONS = {
    "plain": str, "upper": str.upper,
    "colons": lambda digits: _pairs(digits, ":"), "hyphens": lambda digits: _pairs(digits, "-").upper(),
    "mixed": lambda digits: _pairs(digits[:6], ":") + "-" + _pairs(digits[6:], ":"),
    "dots": lambda digits: _pairs(digits, "."), "blanks": lambda digits: _pairs(digits, " "),
    "underscores": lambda digits: _pairs(digits, "_"), "percent": lambda digits: _pairs(digits, "%3A"),
    "cisco": lambda digits: f"{digits[:4]}.{digits[4:8]}.{digits[8:]}",
    "halves": lambda digits: f"{digits[:6]}-{digits[6:]}",
    "in a name": lambda digits: f"host-{_pairs(digits, ':')}.local",
    "in words": lambda digits: f"seen {digits.upper()}, twice {_pairs(digits, ':')}",
    "in a word": lambda digits: f"mac{digits.upper()}bad",
    "pairs in a word": lambda digits: f"mac{_pairs(digits, ':')}",
    "cisco in a name": lambda digits: f"node-{digits[:4]}-{digits[4:8]}-{digits[8:]}.local",
    "Arabic digits": lambda digits: "".join(chr(0x0660 + int(char)) if char.isdigit() else char for char in digits),
    "wide digits": lambda digits: "".join(chr(ord(char) + 0xFEE0) for char in digits),
    "EUI-64": lambda digits: digits[:6] + "FFFE" + digits[6:],
    "EUI-64 pairs": lambda digits: _pairs(digits[:6], "-") + "-ff-fe-" + _pairs(digits[6:], "-"),
    "IPv6": lambda digits: f"fe80::{_interface(digits)}",
}
"""Functions of an address's digits."""

ACCEPTED = ("plain", "upper", "colons", "hyphens", "mixed")
"""Those that the rules for clientMac take."""


def found_in(content, digits):
    """Which raw forms of the address the bytes hold, whatever stands between its digits."""
    text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda escape: chr(int(escape[1], 16)), content.decode("latin-1"))
    text += content.decode("utf-8", "replace")
    text = re.sub(r"\d", lambda digit: str(unicodedata.decimal(digit[0])), unicodedata.normalize("NFKC", text))
    only_digits = re.sub("%3a|[^0-9a-f]", "", text.lower())
    turned = f"{int(digits[:2], 16) ^ 2:02x}{digits[2:6]}fffe{digits[6:]}"
    forms = [digits, digits[:6] + "fffe" + digits[6:], turned, turned.lstrip("0")]
    return [form for form in forms if form in only_digits]

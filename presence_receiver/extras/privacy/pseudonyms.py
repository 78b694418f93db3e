"""What is kept of a delivery where addresses are not: pseudonyms in their place, by a key, and no fields to drop."""
from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from presence_receiver.as_sent import AsSent
from presence_receiver.extras.privacy import addresses, keyed
from presence_receiver.extras.privacy.json_text import Changes, changed, loaded

RANDOMISED = "randomised"
"""The field behind a pseudonym that tells what the address told: whether the device made it up."""

MOST_KNOWN = 65_536
"""Addresses as sent whose pseudonyms a process remembers, and texts that it knows to hold none: 20 MB at most."""

DIGEST = re.compile("[0-9A-Fa-f]{13,128}")
"""What the vendor may send for an address, hashed already."""

LONGEST_NUMBER = len(str(1 << 48))

_encode = msgspec.json.Encoder().encode
_json = msgspec.json.Decoder(msgspec.Raw)


class _Known(dict[str, msgspec.Raw]):
    """What was made of addresses as they were sent; full, it begins anew. functools.lru_cache takes a third longer."""

    def __init__(self, made: Callable[[str], bytes]) -> None:
        super().__init__()
        self._made = made

    def __missing__(self, sent: str) -> msgspec.Raw:
        if len(self) >= MOST_KNOWN:
            self.clear()
        made = self[sent] = msgspec.Raw(self._made(sent))
        return made


class Pseudonyms(AsSent):
    """Keeps pseudonyms by `key`, where there is one, and null for the fields in `dropped`."""

    def __init__(self, key: str | None, dropped: Collection[str]) -> None:
        self._dropped, self._has_key = frozenset(dropped), key is not None
        self._pseudonym = keyed.pseudonyms(key or "")
        self._marked = _Known(self._marked_device if key else _quoted)
        self._bare = _Known(self._bare_device if key else _quoted)
        self._harmless: set[Any] = set()
        self.mark: Mapping[str, Any] = {"pseudonym": True} if key else {}

    def observations(self, observations: Sequence[Any], beside: Collection[str] = ()) -> bool:
        """Change clientMac, and what else holds an address; False where a field's name does."""
        if not observations or isinstance(observations[0].clientMac, msgspec.Raw):
            return True
        unknown = {kind: _unknown(kind) for kind in set(map(type, observations))}
        names = {name for fields in unknown.values() for name in fields.values()}
        if any(self._shown(name) != name for name in names):
            return False
        self._hide(observations, self._bare if RANDOMISED in beside or RANDOMISED in names else self._marked)
        for seen in observations if self._dropped or names else ():
            for field in self._dropped:
                setattr(seen, field, None)
            for field, name in unknown[type(seen)].items():
                setattr(seen, field, self._unknown_value(name, getattr(seen, field)))
        return True

    def _hide(self, observations: Sequence[Any], known: _Known) -> None:
        for seen in observations:
            seen.clientMac = known[seen.clientMac]
            if seen.ipv6 is not None and self._has_key and addresses.in_ipv6(seen.ipv6):
                seen.ipv6 = None
            if seen.deviceObservers is not msgspec.UNSET:
                seen.deviceObservers = self._as_text(seen.deviceObservers)
            if seen.ownerId is not None and type(seen.ownerId) is not int:
                seen.ownerId = self._unknown_value("ownerId", seen.ownerId)
        texts = {seen.ssid for seen in observations} | {seen.manufacturer for seen in observations} \
            | {seen.os for seen in observations}
        if harmful := self._harmful(texts):
            for seen in observations:
                for field in ("ssid", "manufacturer", "os"):
                    if (text := getattr(seen, field)) in harmful:
                        setattr(seen, field, harmful[text])

    def _harmful(self, texts: set[Any]) -> dict[Any, str]:
        """Return the texts in which an address is, with what is to be there instead."""
        found = {text: self._shown(text) for text in texts - self._harmless if isinstance(text, str)}
        if len(self._harmless) > MOST_KNOWN:
            self._harmless.clear()
        self._harmless |= {text for text, shown in found.items() if text == shown}
        return {text: shown for text, shown in found.items() if text != shown}

    def _shown(self, text: str) -> str:
        return addresses.replaced(text, self._pseudonym) if self._has_key else text

    def _unknown_value(self, name: str, value: Any) -> Any:
        if name.removeprefix("report.") in self._dropped:
            return None
        if isinstance(value, str):
            return value if value in self._harmless else self._harmful({value}).get(value, value)
        return self._as_text(value) if isinstance(value, dict | list) else value

    def _as_text(self, value: Any) -> Any:
        """Return the value's JSON; the value itself where it has none and its line cannot be stored either."""
        try:
            return value if isinstance(value, msgspec.Raw) else msgspec.Raw(self.text(_encode(value)))
        except (UnicodeEncodeError, TypeError):
            return value

    def _marked_device(self, sent: str) -> bytes:
        """Return the JSON of a clientMac that the rules accept, and of the field that is to stand behind it."""
        digits = sent.lower() if len(sent) == 12 else addresses.digits(sent)
        if digits is None:
            return self._bare_device(sent)
        randomised = "true" if addresses.is_randomised(digits) else "false"
        return f'"{self._pseudonym(digits)}","{RANDOMISED}":{randomised}'.encode()

    def _bare_device(self, sent: str) -> bytes:
        digits = addresses.digits(sent)
        return f'"{self._pseudonym(digits) if digits else sent.lower()}"'.encode()

    def text(self, content: bytes) -> bytes:
        """Return the JSON with every address in its strings replaced, and null for the fields to drop."""
        text = content.decode()
        known = self._bare if f'"{RANDOMISED}"' in text else self._marked
        return changed(text, Changes(self._string, functools.partial(self._value, known))).encode()

    def _string(self, string: str) -> str:
        if not self._has_key or string in self._harmless:
            return string
        text = loaded(string)
        shown = self._shown(text)
        return string if shown == text else json.dumps(shown)

    def _value(self, known: _Known, name: str, value: str | None) -> str | None:
        """Return what is kept of the value with a name; a clientMac may be one that the rules refuse."""
        known = known if name == "clientMac" else self._bare
        name = name.removeprefix("report.")
        if name in self._dropped:
            return "null"
        if value is None or not self._has_key:
            return value
        is_string = value.startswith('"')
        text = loaded(value) if is_string else _as_address(value)
        if name == "apMac" and addresses.digits(text):
            return value
        if name == "ipv6" and addresses.in_ipv6(text):
            return "null"
        if name == "clientMac" and (addresses.digits(text) or is_string and DIGEST.fullmatch(text)):
            return bytes(known[text]).decode()
        return self._string(value) if is_string else value

    def errors(self, errors: dict[str, Any]) -> dict[str, Any]:
        """Return the errors with no address in the names that they tell."""
        return {self._shown(str(name)): self.errors(told) if isinstance(told, dict) else told
                for name, told in errors.items()} if self._has_key else errors

    def body(self, body: bytes) -> dict[str, Any]:
        """Return the JSON that nobody has read, or how long the body is that is none: what it holds, nobody can say."""
        try:
            body.decode()
            _json.decode(body)
        except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
            return {"bodyBytes": len(body)}
        return {"body": self.text(body).decode()}


def _quoted(sent: str) -> bytes:
    return f'"{sent}"'.encode()


def _as_address(number: str) -> str:
    """Return the digits of an address that was sent as a number, of its own digits or of its value."""
    is_value = number.isdecimal() and len(number) != 12 and len(number) <= LONGEST_NUMBER and int(number) < 1 << 48
    return f"{int(number):012x}" if is_value else number


@functools.lru_cache(64)
def _unknown(kind: Any) -> dict[str, str]:
    """Return the fields of a type of Observation that no schema has, each with the name that it was sent with."""
    fields = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    return {field: name for field, name in fields if field.startswith("unknown")}

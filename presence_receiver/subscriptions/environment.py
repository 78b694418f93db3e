"""Reads the settings of a command by name and collects what is wrong, to say it all at once.

Where the values come from (the environment, a file) is the caller's business.
"""

import re
from collections.abc import Mapping

from presence_receiver.errors import ConfigError
from presence_receiver.http_client import api_fault
from presence_receiver.mask import Mask

HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")


class Environment:
    """Settings by name. An empty value counts as none; `check` raises where one was bad or missing."""

    def __init__(self, values: Mapping[str, str], mask: Mask) -> None:
        self._values = {name: value.strip() for name, value in values.items() if value.strip()}
        self._mask = mask
        self._missing: list[str] = []
        self._faults: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        """Return the value as it is, or None."""
        return self._values.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        """Return the value; without one and without a default remember the name as missing."""
        value = self._values.get(name, default)
        if value is None:
            self._missing.append(name)
        return value or ""

    def credential(self, name: str) -> str:
        """Return a value that goes into a header and is printed nowhere."""
        self._mask.add(self._values.get(name))
        return self.header(name)

    def header(self, name: str) -> str:
        """Return a value that goes into a header."""
        return self._matching(name, self.text(name), HEADER_VALUE,
                              "has a character that an HTTP header cannot carry")

    def integer(self, name: str) -> int:
        """Return a value of digits only."""
        value = self._matching(name, self.text(name), re.compile(r"[0-9]{1,19}"), "must be a whole number")
        return int(value or 0)

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        """Return one of the choices; the first is the default."""
        return self._matching(name, self.text(name, choices[0]), re.compile("|".join(choices)),
                              f"must be {' or '.join(choices)}")

    def base(self, name: str, default: str | None = None) -> str:
        """Return an API's address without its final slash: https, or http where nothing leaves this machine."""
        value = self.text(name, default).rstrip("/")
        fault = api_fault(value) if value else None
        if fault:
            self._faults[name] = f"{name} {fault}."
        return value

    def fault(self, name: str) -> str | None:
        """Return what is wrong with a setting, as far as it was read and is not missing."""
        return self._faults.get(name)

    def check(self) -> None:
        """Raise ConfigError with every fault so far."""
        faults = [*([missing(self._missing)] if self._missing else []), *self._faults.values()]
        if faults:
            raise ConfigError(*faults)

    def _matching(self, name: str, value: str, pattern: re.Pattern[str], fault: str) -> str:
        if value and not pattern.fullmatch(value):
            self._faults[name] = f"{name} {fault}."
            return ""
        return value


def missing(names: list[str]) -> str:
    """Return one sentence that names all missing settings."""
    one, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return (f"{', '.join(names)} {one} not set: put {them} into the environment, "
            "or into a file for --env-file; `presence-cli init` writes one.")

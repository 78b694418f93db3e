"""What the options before the command add up to: settings, the mask, and the API, made when first asked for.

Commands that need no API ask for none, so that missing credentials cannot stop them.
"""

import os
import stat
from contextlib import suppress
from functools import cached_property
from importlib import import_module

import click
from dotenv import dotenv_values

from presence_receiver import config
from presence_receiver.cli.output import tell, warn
from presence_receiver.errors import ConfigError
from presence_receiver.mask import Mask
from presence_receiver.subscriptions import Environment, SubscriptionApi

APIS = {"hivemanager": "HiveManager", "extremecloudiq": "ExtremeCloudIQ"}

# Masked from the start: an answer may repeat what this command did not even use.
CREDENTIALS = ("PRESENCE_SECRET", "PRESENCE_PREVIOUS_SECRET", "PRESENCE_MAC_KEY", "HIVEMANAGER_CLIENT_ID",
               "HIVEMANAGER_CLIENT_SECRET", "HIVEMANAGER_ACCESS_TOKEN", "EXTREMECLOUDIQ_ACCESS_TOKEN")


class Invocation:
    """One run of the command line."""

    def __init__(self, values: dict[str, str], api: str | None, timeout: float, is_verbose: bool) -> None:
        self.mask = Mask()
        for name in CREDENTIALS:
            self.mask.add(values.get(name))
        for key in values.get("PRESENCE_PREVIOUS_MAC_KEYS", "").split(","):
            self.mask.add(key.strip())
        self.values = values
        self.environment = Environment(values, self.mask)
        self.timeout = timeout
        self._api_name = api
        self._is_verbose = is_verbose

    def with_values(self, values: dict[str, str]) -> "Invocation":
        """Return the same with other settings."""
        return Invocation(values, None, self.timeout, self._is_verbose)

    def settings(self, data_dir: str | None = None) -> "config.Settings":
        """Return a receiver's settings, of another folder where one is given; a secret may be missing."""
        folder = {"PRESENCE_DATA_DIR": data_dir} if data_dir else {}
        return config.load(self.values | folder, needs_secret=False)

    @cached_property
    def api(self) -> SubscriptionApi:
        """The vendor's API; raises ConfigError with all that is missing."""
        name = self._api_name or self.environment.get("PRESENCE_API") or "hivemanager"
        if name not in APIS:
            raise ConfigError(f"PRESENCE_API must be {' or '.join(APIS)}.")
        vendor = getattr(import_module("presence_receiver.subscriptions"), APIS[name])
        api: SubscriptionApi = vendor.from_environment(self.environment, self.mask, self.timeout, self.trace, tell)
        return api

    def fault(self, name: str) -> str | None:
        """Return what is wrong with a setting that the API is made of; one that is missing is not wrong."""
        with suppress(ConfigError):
            self.api  # made, for nothing else reads its settings
        return self.environment.fault(name)

    def trace(self, line: str) -> None:
        """Show a line of a request or an answer, masked first and cut then: a cut credential would show."""
        if self._is_verbose:
            tell(self.mask(line)[:4000])


def read_environment(path: str | None) -> dict[str, str]:
    """Return the file's values below the environment's; an empty variable does not hide the file's."""
    try:
        file = dotenv_values(path, interpolate=False) if path else {}
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8: save the env file as UTF-8.") from None
    except OSError as failure:
        raise ConfigError(f"{path} cannot be read ({failure.strerror}): give another --env-file.") from None
    if path and os.stat(path).st_mode & (stat.S_IRGRP | stat.S_IROTH):
        warn(f"{path} can be read by others than you: chmod 600 {path}")
    return {name: value for name, value in file.items() if value} | {k: v for k, v in os.environ.items() if v}


pass_invocation = click.make_pass_decorator(Invocation)

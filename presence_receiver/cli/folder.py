"""Which folder a command works on that has to do with the receiver's files."""

import dataclasses
from collections.abc import Callable
from typing import Any

import click

from presence_receiver import config
from presence_receiver.cli.invocation import Invocation
from presence_receiver.storage import found_folder, no_folder

data_dir: Callable[[Any], Any] = click.option(
    "--data-dir", metavar="DIR", help="Where the receiver keeps its files.  [PRESENCE_DATA_DIR; default: data]")


def receivers_folder(invocation: Invocation, given: str | None) -> config.Settings:
    """Return the settings with a data folder that is there: Refused where none is, that no command makes one."""
    settings = invocation.settings(given)
    if found_folder(settings.data_dir) is None:
        raise no_folder(settings.data_dir)
    # from its root: where this process becomes another user, that one may not be let into the working directory
    return dataclasses.replace(settings, data_dir=settings.data_dir.resolve())

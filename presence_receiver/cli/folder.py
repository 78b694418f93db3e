"""Which folder a command works on that has to do with the receiver's files."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from presence_receiver import config
from presence_receiver.cli.invocation import Invocation
from presence_receiver.errors import Refused

data_dir: Callable[[Any], Any] = click.option(
    "--data-dir", metavar="DIR", help="Where the receiver keeps its files.  [PRESENCE_DATA_DIR; default: data]")


def receivers_folder(invocation: Invocation, given: str | None) -> config.Settings:
    """Return the settings with a data folder that is there: Refused where none is, that no command makes one."""
    settings = invocation.settings(given)
    if not is_folder(settings.data_dir):
        raise Refused(f"{settings.data_dir} is no folder: give the receiver's as --data-dir.")
    return settings


def is_folder(path: Path) -> bool:
    """Return whether it is one; Refused where it lies in a folder that is closed to who asks."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except PermissionError:
        raise Refused(f"{path} lies in a folder that is closed to you: run this as the receiver's user.") from None
    except OSError:
        return False

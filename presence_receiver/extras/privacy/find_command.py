"""presence-cli find."""

from collections.abc import Iterator
from pathlib import Path

import click

from presence_receiver import config
from presence_receiver.cli import Invocation, counted, data_dir, pass_invocation, receivers_folder, tell, warn
from presence_receiver.errors import NotRead, Refused
from presence_receiver.extras.privacy.device import Devices
from presence_receiver.storage import STEMS, stored_lines

NONE = 1
"""The exit status where nothing is found, as grep's."""


@click.command("find")
@click.argument("mac")
@data_dir
@pass_invocation
def command(invocation: Invocation, mac: str, data_dir: str | None) -> None:
    """Show all stored lines of a device.

    MAC is its address, in any notation, or what stands in clientMac. Lines and
    rejected lines are looked through for the address in every notation and, with
    PRESENCE_MAC_KEY and PRESENCE_PREVIOUS_MAC_KEYS, for its pseudonyms. Exit 1 if
    there is none.

    \b
    Example: presence-cli find 5c:b9:01:64:2e:60 > access-request.jsonl
    """
    settings = receivers_folder(invocation, data_dir)
    devices = Devices([mac], keys(settings))
    count, faults = 0, list[str]()
    for line in found(settings.data_dir, devices, faults):
        click.echo(line, nl=False)
        count += 1
    tell(f"{counted(count, 'line', 'lines')} found.")
    warn_of_pseudonyms(devices)
    if faults:
        raise NotRead(*faults, "More lines may be in there.")
    if not count:
        raise click.exceptions.Exit(NONE)


def warn_of_pseudonyms(devices: Devices) -> None:
    """Tell where lines were looked through in vain, for want of a key."""
    if devices.may_be_missed:
        warn("Lines here have pseudonyms: without PRESENCE_MAC_KEY no device is found in them by its address.")


def found(folder: Path, devices: Devices, faults: list[str]) -> Iterator[bytes]:
    """Yield the lines that name one of the devices, and add a sentence for each file that cannot all be read."""
    for stem in STEMS:
        try:
            yield from filter(devices.are_in, stored_lines(folder, stem))
        except NotRead as error:
            faults += error.args
        except OSError as failure:
            raise Refused(f"{folder} cannot be read ({failure.strerror}): run this as the receiver's user.") from None


def keys(settings: config.Settings) -> list[str]:
    """Return all keys by which pseudonyms may have been made."""
    return [*filter(None, [settings.mac_key]), *settings.previous_mac_keys]

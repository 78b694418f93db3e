"""presence-cli find."""

import click

from presence_receiver import config
from presence_receiver.cli import Invocation, counted, data_dir, pass_invocation, receivers_folder, tell
from presence_receiver.errors import Refused
from presence_receiver.extras.privacy.device import Devices
from presence_receiver.storage import STEMS, UNREADABLE, stored_lines

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
    count = 0
    try:
        for stem in STEMS:
            for line in stored_lines(settings.data_dir, stem):
                if devices.are_in(line):
                    click.echo(line, nl=False)
                    count += 1
    except UNREADABLE as failure:
        reason = getattr(failure, "strerror", None) or "one is not whole gzip"
        raise Refused(f"The files in {settings.data_dir} cannot all be read: {reason}.") from None
    tell(f"{counted(count, 'line', 'lines')} found.")
    if not count:
        raise click.exceptions.Exit(NONE)


def keys(settings: config.Settings) -> list[str]:
    """Return all keys by which pseudonyms may have been made."""
    return [*filter(None, [settings.mac_key]), *settings.previous_mac_keys]

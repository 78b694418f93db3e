"""presence-cli forget."""

import datetime
import sys
from collections.abc import Iterable

import click

from presence_receiver import lines
from presence_receiver.cli import (
    Invocation, counted, data_dir, pass_invocation, progress, receivers_folder, tell, warn,
)
from presence_receiver.config import Settings
from presence_receiver.errors import Refused
from presence_receiver.extras.privacy.device import Devices
from presence_receiver.extras.privacy.find_command import keys, warn_of_pseudonyms
from presence_receiver.extras.privacy.forgetting import Found, forget, look
from presence_receiver.storage import become_owner

BUCKET = ("What is in the bucket at PRESENCE_BUCKET_URL is not looked at: run `presence-cli collect --once` before, "
          "and forget in the folder that it fills.")
NOTHING = "Nothing of the device is in the files."


@click.command("forget")
@click.argument("macs", nargs=-1, required=True, metavar="MAC...")
@data_dir
@click.option("--dry-run", is_flag=True, help="Only count what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_invocation
def command(invocation: Invocation, macs: tuple[str, ...], data_dir: str | None, dry_run: bool, yes: bool) -> None:
    """Take devices out of the closed files.

    MAC is an address, in any notation, or what stands in clientMac; what `find`
    shows goes. First the files that grow are closed. A line of the device's own
    is deleted; in one that only names it, a body say, the address is overwritten.
    The receiver may run meanwhile; what comes after the start is not looked at.
    Cut off, run it again.

    \b
    Example: presence-cli forget --dry-run 5c:b9:01:64:2e:60
    """
    settings = receivers_folder(invocation, data_dir)
    devices = Devices(macs, keys(settings))
    become_owner(settings.data_dir)
    if settings.bucket_url:
        warn(BUCKET)
    if dry_run or not yes:
        count = looked_for(settings, devices)
        warn_of_pseudonyms(devices)
        if dry_run or not count:
            return
        ask(count)
    forget_now(settings, devices)
    if yes:
        warn_of_pseudonyms(devices)


def looked_for(settings: Settings, devices: Devices) -> int:
    """Tell what there is of the devices, and return how many lines; Refused where the folder cannot be listed."""
    try:
        return told(look(settings, devices, progress), "found")
    except OSError as failure:
        raise Refused(f"{settings.data_dir} cannot be read ({failure.strerror}): "
                      "run this as the receiver's user.") from None


def forget_now(settings: Settings, devices: Devices) -> None:
    """Forget, and tell what was done; Refused where nothing could be begun."""
    start = lines.stamp(datetime.datetime.now(datetime.UTC))
    try:
        told(forget(settings, devices, progress), "forgotten")
    except OSError as failure:
        raise Refused(f"Nothing could be begun in {settings.data_dir}: {failure.strerror}.") from None
    tell(f"What came after {start} was not looked at.")


def told(found: Iterable[Found], what: str) -> int:
    """Say of each file what was in it, and the sums; return how many that is.

    Refused where a file could not be read or written.
    """
    good, faults = [], []
    for each in found:
        if each.fault:
            faults.append(f"{each.path.name} is as it was: {each.fault}.")
        elif each.own + each.naming:
            good.append(each)
            tell(f"{each.path.name}: {sums(each.own, each.naming)}.")
    own, naming = sum(each.own for each in good), sum(each.naming for each in good)
    if good:
        tell(f"{sums(own, naming)} {what} in {counted(len(good), 'file', 'files')}.")
    if faults:
        raise Refused(*faults, "Run it again when that is mended.")
    if not good:
        tell(NOTHING)
    return own + naming


def sums(own: int, naming: int) -> str:
    """Return the two counts in words."""
    others = [counted(naming, "address in others", "addresses in others")] if naming else []
    return " and ".join([counted(own, "line", "lines"), *others])


def ask(count: int) -> None:
    """Ask whether to go on; Refused without a terminal to ask at, and where the answer is no."""
    if not sys.stdin.isatty():
        raise Refused("Nothing was forgotten, since nobody can be asked without a terminal: give --yes.")
    if not click.confirm(f"Forget {counted(count, 'line', 'lines')}?", err=True):
        raise Refused("Nothing was forgotten.")

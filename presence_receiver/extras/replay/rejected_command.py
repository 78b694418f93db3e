"""presence-cli rejected."""

from pathlib import Path

import click

from presence_receiver.cli import Invocation, data_dir, pass_invocation
from presence_receiver.errors import NotRead, Refused
from presence_receiver.extras.replay.reasons import Reasons, counted
from presence_receiver.storage import stored_lines


@click.command("rejected")
@data_dir
@pass_invocation
def command(invocation: Invocation, data_dir: str | None) -> None:
    """Show why observations were rejected, and what replay would do.

    Counts the lines of all rejected files by reason, with an example of each,
    and judges them again without changing anything.

    \b
    Example: presence-cli rejected --data-dir data
    """
    folder = invocation.settings(data_dir).data_dir
    found = read(folder)
    for text, reason in found.sorted():
        click.echo(f"{reason.count:,} × {text}")
        click.echo(f"    Such as {reason.example}, received {reason.received_at}.")
        click.echo(f"    Replay would make {lines(reason.good)} of them.")
    if found.lines or not found.faults:
        click.echo(verdict(found, folder))
    if found.faults:
        raise NotRead(*found.faults, "More lines may be in there.")


def read(folder: Path) -> Reasons:
    """Return what is in the folder's rejected files."""
    try:
        return counted(stored_lines(folder, "rejected"))
    except OSError as failure:
        raise Refused(f"{folder} cannot be read ({failure.strerror}): "
                      "give the folder that the receiver has as PRESENCE_DATA_DIR.") from None


def verdict(found: Reasons, folder: Path) -> str:
    """Return what all of it comes to."""
    if not found.lines:
        return f"Nothing was rejected, as far as the files in {folder} say."
    all_of_them = f"{lines(found.lines, 'rejected ')}. "
    if not found.good:
        return f"{all_of_them}Replay would change nothing."
    return (f"{all_of_them}Replay would add {lines(found.good)} and leave {found.left:,} rejected: "
            f"presence-cli replay {folder}/rejected*.jsonl*")


def lines(count: int, kind: str = "") -> str:
    """Return so many lines, in words."""
    return f"{count:,} {kind}line{'' if count == 1 else 's'}" if count else f"no {kind}lines"

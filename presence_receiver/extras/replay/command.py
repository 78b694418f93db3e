"""presence-cli replay."""

import os
from pathlib import Path

import click

from presence_receiver.cli import Invocation, data_dir, pass_invocation, progress, receivers_folder, tell
from presence_receiver.extras.replay.rewriting import replay
from presence_receiver.storage import become_owner


@click.command("replay")
@click.argument("files", nargs=-1, required=True, metavar="FILE...",
                type=click.Path(dir_okay=False, path_type=Path))
@data_dir
@pass_invocation
def command(invocation: Invocation, files: tuple[Path, ...], data_dir: str | None) -> None:
    """Judge rejected lines again and append what is good now.

    FILE is rejected.jsonl or a closed rejected file, plain or .gz. What is good
    goes to presence.jsonl with the time at which it was received, and leaves
    FILE; what is still bad stays. A second run adds nothing twice.

    \b
    Example: presence-cli replay data/rejected*.jsonl*
    """
    settings = receivers_folder(invocation, data_dir)
    files = tuple(path.parent.resolve() / path.name for path in files)
    become_owner(settings.data_dir)
    # asked only now: a file in a closed folder is not there for anybody else
    if missing := [path for path in files if not os.path.exists(path)]:
        raise click.BadParameter(f"{missing[0]} does not exist.", param_hint="FILE")
    lines = settings.data_dir / "presence.jsonl"
    for path in files:
        with progress(path.name) as show:
            outcome = replay(path, settings, show)
        tell(f"{path}: {outcome.accepted} added to {lines}, {outcome.left} still rejected.")

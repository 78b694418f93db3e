"""presence-cli delete."""

import sys

import click

from presence_receiver.cli.invocation import Invocation, pass_invocation
from presence_receiver.cli.output import tell, write_table
from presence_receiver.errors import CallFailed, Refused
from presence_receiver.subscriptions import Subscriptions, delete_subscription, holds


@click.command("delete")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--url", metavar="URL", help="Delete all subscriptions that post to URL.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@pass_invocation
def command(invocation: Invocation, ids: tuple[str, ...], url: str | None, yes: bool, dry_run: bool) -> None:
    """Delete subscriptions by ID, or all that post to a URL.

    Shows what will go and asks; without a terminal it needs --yes. An unknown
    ID is an error, after the others were deleted.

    \b
    Example: presence-cli delete --url https://example.org/presence
    """
    if bool(ids) == bool(url):
        raise click.UsageError("Give either IDs or --url.")
    listed = invocation.api.list()
    doomed = [item for item in listed if item.id in ids or item.url == url]
    unknown = [f"There is no subscription {wanted}: see `presence-cli list`."
               for wanted in dict.fromkeys(ids) if not holds(listed, wanted)]
    if url and not doomed:
        tell(f"No subscription posts to {url}; nothing was deleted.")
    faults = (remove(invocation, doomed, yes, dry_run) if doomed else []) + unknown
    if faults:
        raise CallFailed(*faults)


def remove(invocation: Invocation, doomed: Subscriptions, is_agreed: bool, is_rehearsal: bool) -> list[str]:
    """Show what will go, ask, delete; return why some could not be deleted, in sentences."""
    write_table(doomed, False, sys.stderr)
    if is_rehearsal:
        tell(f"Would delete {count(doomed)}.")
        return []
    if not is_agreed:
        ask(f"Delete {count(doomed)}?")
    return [fault for item in doomed if (fault := fault_of_deleting(invocation, item.id))]


def fault_of_deleting(invocation: Invocation, subscription_id: str) -> str:
    """Delete one and say so; return why it could not be deleted, so that the others still are."""
    try:
        tell(delete_subscription(invocation.api, subscription_id))
    except CallFailed as error:
        return str(error)
    return ""


def ask(question: str) -> None:
    """Ask whether to go on; raise Refused without a terminal to ask at, and where the answer is no."""
    if not sys.stdin.isatty():
        raise Refused("Nothing was deleted, since nobody can be asked without a terminal: give --yes.")
    if not click.confirm(question, err=True):
        raise Refused("Nothing was deleted.")


def count(doomed: Subscriptions) -> str:
    """Return how many subscriptions that is, in words."""
    return f"{len(doomed)} subscription{'s' if len(doomed) > 1 else ''}"

"""presence-cli message-types."""

import click

from presence_receiver.cli.invocation import Invocation, pass_invocation


@click.command("message-types")
@pass_invocation
def command(invocation: Invocation) -> None:
    """Show what can be subscribed to.

    One type a line, for `register --message-type`. HiveManager's beta API is
    asked; the v1 API and ExtremeCloud IQ cannot be, so the known ones are shown.

    \b
    Example: presence-cli message-types
    """
    for kind in invocation.api.message_types():
        click.echo(kind)

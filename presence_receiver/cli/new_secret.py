"""presence-cli new-secret."""

import click

from presence_receiver.cli.secret import fresh


@click.command("new-secret")
def command() -> None:
    """Make a secret for PRESENCE_SECRET.

    32 characters, which fit HiveManager's form. It is also base64 of `ah:` and
    a random password, so a proxy in front can check it as HTTP Basic.

    \b
    Example: PRESENCE_SECRET=$(presence-cli new-secret)
    """
    click.echo(fresh())

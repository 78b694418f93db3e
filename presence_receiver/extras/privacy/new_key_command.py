"""presence-cli new-key."""

import secrets

import click


@click.command("new-key")
def command() -> None:
    """Make a key for PRESENCE_MAC_KEY.

    43 characters that nobody guesses. Give all receivers the same, and keep it:
    with another one every device becomes a new one.

    \b
    Example: PRESENCE_MAC_KEY=$(presence-cli new-key)
    """
    click.echo(secrets.token_urlsafe(32))

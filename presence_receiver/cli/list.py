"""presence-cli list."""

import sys

import click

from presence_receiver.cli.invocation import Invocation, pass_invocation
from presence_receiver.cli.output import as_json, record, tell, write_table


@click.command("list")
@click.option("--output", type=click.Choice(["table", "json", "jsonl"]), default="table",
              help="A table for people (the default), or JSON for programs.")
@click.option("--show-secrets", is_flag=True, help="Show the secrets, not ***.")
@pass_invocation
def command(invocation: Invocation, output: str, show_secrets: bool) -> None:
    """Show the account's subscriptions.

    JSON has the keys id, application, url, messageType, status, created and
    secret; what the vendor does not say is null.

    \b
    Example: presence-cli list --output jsonl | jq -r .url
    """
    listed = invocation.api.list()
    if output == "json":
        click.echo(as_json([record(item, show_secrets) for item in listed]))
    elif output == "jsonl":
        click.echo("".join(f"{as_json(record(item, show_secrets))}\n" for item in listed), nl=False)
    elif listed:
        write_table(listed, show_secrets, sys.stdout)
    else:
        tell("There are no subscriptions.")

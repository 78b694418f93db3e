"""presence-cli status."""

import click

from presence_receiver.cli import Invocation, checked_url, insecure_http, pass_invocation
from presence_receiver.extras.probe import service
from presence_receiver.http_client import is_loopback
from presence_receiver.mask import one_line


@click.command("status")
@click.argument("url")
@insecure_http
@pass_invocation
def command(invocation: Invocation, url: str, insecure_http: bool) -> None:
    """Say whether the receiver at URL is ready and what it gets.

    With PRESENCE_METRICS_TOKEN also when the last delivery came and how much
    comes. Exit 1 if it is not ready.

    \b
    Example: presence-cli status https://example.org/presence
    """
    checked_url(url, insecure_http or is_loopback(url))
    invocation.mask.add(token := invocation.environment.get("PRESENCE_METRICS_TOKEN"))
    status = service.status(url, token, invocation.timeout, invocation.trace)
    for sentence in status.sentences:
        click.echo(invocation.mask(one_line(sentence)))
    if not status.is_ready:
        raise click.exceptions.Exit(1)

"""presence-cli status."""

import click

from presence_receiver.cli import Invocation, checked_url, in_seconds, insecure_http, pass_invocation
from presence_receiver.errors import CallFailed
from presence_receiver.extras.probe import service
from presence_receiver.http_client import is_loopback
from presence_receiver.mask import one_line


@click.command("status")
@click.argument("url")
@click.option("--max-age", callback=in_seconds, metavar="AGE",
              help="Exit 1 if the last delivery is older: 90s, 15m, 2h.")
@insecure_http
@pass_invocation
def command(invocation: Invocation, url: str, max_age: float | None, insecure_http: bool) -> None:
    """Say whether the receiver at URL is ready and what it gets.

    With PRESENCE_SECRET or PRESENCE_METRICS_TOKEN also when the last delivery
    came, with the token how much comes. Exit 1 if it is not ready.

    \b
    Example: presence-cli status https://example.org/presence --max-age 15m
    """
    checked_url(url, insecure_http or is_loopback(url))
    token, secret = map(invocation.environment.get, ("PRESENCE_METRICS_TOKEN", "PRESENCE_SECRET"))
    invocation.mask.add(token)
    status = service.status(url, token, secret, invocation.timeout, invocation.trace)
    for sentence in status.sentences:
        click.echo(invocation.mask(one_line(sentence)))
    if status.fault:
        raise CallFailed(invocation.mask(status.fault))
    if max_age is not None:
        check_age(status, max_age)


def check_age(status: service.Status, most: float) -> None:
    """Raise CallFailed where the last delivery is older than so many seconds, or nobody tells how old it is."""
    if not status.tells_age:
        raise CallFailed("The receiver does not say when the last delivery came: give --max-age the receiver's own "
                         "PRESENCE_SECRET or PRESENCE_METRICS_TOKEN, in the environment or in a file for --env-file.")
    if status.seconds is None or status.seconds > most:
        what = "No delivery has come yet" if status.seconds is None else (
            f"The last delivery came {service.ago(status.seconds)} ago, and --max-age is {service.ago(most)}")
        raise CallFailed(f"{what}: see whether `presence-cli list` shows the subscription, and what "
                         "`presence-cli doctor` finds.")

"""presence-cli send."""

from typing import BinaryIO

import click

from presence_receiver.cli import (
    Invocation, as_json, checked, checked_url, feed_secret, insecure_http, pass_invocation, secret_file,
)
from presence_receiver.errors import CallFailed
from presence_receiver.http_client import REMEDIES, Answer, deliver, is_loopback, sample_body
from presence_receiver.mask import one_line


@click.command("send")
@click.argument("url")
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--gzip", is_flag=True, help="Compress the body, as a proxy might.")
@secret_file
@insecure_http
@pass_invocation
def command(invocation: Invocation, url: str, file: BinaryIO | None, gzip: bool,
            secret_file: BinaryIO | None, insecure_http: bool) -> None:
    """Post one delivery to URL as HiveManager does.

    The body is FILE (- is stdin), or a sample of 27 observations. Prints the
    receiver's answer; exit 1 unless it is a 200. http:// is fine to localhost.

    \b
    Example: presence-cli send http://localhost:8000/presence
    """
    checked_url(url, insecure_http or is_loopback(url))
    secret = checked(feed_secret(invocation, secret_file))
    body = file.read() if file else sample_body()
    answer = deliver(url, secret, body, gzip, invocation.timeout, invocation.trace)
    if answer.body is not None:
        click.echo(invocation.mask(as_json(answer.body)))
    if answer.status != 200:
        raise CallFailed(invocation.mask(f"{url} answered {answer.status}{sentence(answer)}"))


def sentence(answer: Answer) -> str:
    """Return what to do, or the receiver's own sentence, where it sent one."""
    if answer.status in REMEDIES:
        return f": {REMEDIES[answer.status]}"
    said = answer.body.get("error") if isinstance(answer.body, dict) else None
    return f": {one_line(str(said))}" if said else f" with {answer.what}."

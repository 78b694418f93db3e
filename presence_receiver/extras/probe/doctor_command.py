"""presence-cli doctor."""

import sys
from collections.abc import Iterator
from typing import BinaryIO

import click

from presence_receiver.cli import Invocation, cell, checked_url, console, feed_secret, pass_invocation, secret_file
from presence_receiver.errors import CallFailed, ConfigError
from presence_receiver.extras.probe.doctor import Doctor, Finding, retention_finding, subscription_finding


@click.command("doctor")
@click.argument("url")
@secret_file
@pass_invocation
def command(invocation: Invocation, url: str, secret_file: BinaryIO | None) -> None:
    """Check what HiveManager will demand of URL.

    Only for a receiver of your own: it is sent empty deliveries and a wrong
    secret. With credentials for the vendor's API the subscription is looked at
    too. Exit 1 if something has to be fixed.

    \b
    Example: presence-cli doctor https://example.org/presence
    """
    checked_url(url, allows_http=True)
    secret = feed_secret(invocation, secret_file)
    faults = 0
    for finding in examine(invocation, url, secret):
        faults += bool(finding.fault) and not finding.is_remark
        write(finding, invocation)
    if faults:
        raise CallFailed(f"{faults} thing{'s' if faults > 1 else ''} to fix.")


def examine(invocation: Invocation, url: str, secret: str) -> Iterator[Finding]:
    """Yield the receiver, its settings as far as they are known here, then the vendor's record of it."""
    yield from Doctor(url, secret, invocation.timeout, invocation.trace).examine()
    yield retention_finding(invocation.values)
    try:
        yield subscription_finding(invocation.api.list(), url, secret)
    except ConfigError as error:
        yield Finding("Subscription", f"not looked at: {error.args[0]}", is_remark=True)
    except CallFailed as error:
        yield Finding("Subscription", str(error))


def write(finding: Finding, invocation: Invocation) -> None:
    """Write a line of the checklist: a tick, or the fix."""
    mark = "–" if finding.is_remark else "✗" if finding.fault else "✓"
    words = f"{mark} {finding.subject}" + (f": {invocation.mask(finding.fault)}" if finding.fault else "")
    console(sys.stdout).print(cell(words), soft_wrap=True)

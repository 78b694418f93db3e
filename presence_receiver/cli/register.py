"""presence-cli register."""

from typing import BinaryIO

import click

from presence_receiver.cli.invocation import Invocation, pass_invocation
from presence_receiver.cli.output import tell, warn
from presence_receiver.cli.secret import checked, feed_secret, secret_file
from presence_receiver.cli.url import PATH, checked_url, ends_as_expected, insecure_http
from presence_receiver.errors import Refused
from presence_receiver.subscriptions import (
    DEFAULT_APPLICATION, TAKEN_TYPES, Subscription, carry_out, plan_registration,
)


@click.command("register")
@click.argument("url")
@click.option("--application", default=DEFAULT_APPLICATION, metavar="NAME",
              help=f"Name it has in the vendor's list.  [default: {DEFAULT_APPLICATION}]")
@click.option("--message-type", metavar="TYPE", help="What to post.  [default: LOCATION_AP_CENTRIC]")
@click.option("--replace", is_flag=True,
              help="If URL has another secret: create the new, then delete the old.")
@click.option("--yes", is_flag=True, help="Register a type that the receiver makes no lines of.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@secret_file
@insecure_http
@pass_invocation
def command(invocation: Invocation, url: str, application: str, message_type: str | None, replace: bool,
            yes: bool, dry_run: bool, secret_file: BinaryIO | None, insecure_http: bool) -> None:
    """Create the subscription that posts to URL.

    The secret is PRESENCE_SECRET's, the file's, or asked for. Running it again
    changes nothing: what is already there is not created twice.

    \b
    Example: presence-cli register https://example.org/presence
    """
    checked_url(url, insecure_http)
    check_type(message_type, yes)
    api = invocation.api
    secret = checked(feed_secret(invocation, secret_file, is_new=True), api.vendor, api.longest_secret)
    if not ends_as_expected(url):
        warn(f"{url} does not end in {PATH}, where the receiver listens.")
    wanted = Subscription(url, secret, application, message_type)
    steps = plan_registration(api.list(), wanted, replace)
    for sentence in steps.intentions() if dry_run else carry_out(api, steps):
        tell(invocation.mask(sentence))
    for sentence in steps.warnings():
        warn(sentence)


def check_type(message_type: str | None, is_agreed: bool) -> None:
    """Raise Refused, or warn where it is agreed to, for a type whose deliveries would become no lines."""
    if message_type in (None, *TAKEN_TYPES):
        return
    sentence = (f"The receiver takes {' and '.join(TAKEN_TYPES)}; every delivery of {message_type} "
                "would be answered 422 and kept in the rejected file")
    if not is_agreed:
        raise Refused(f"{sentence}: give --yes to register it all the same.")
    warn(f"{sentence}.")

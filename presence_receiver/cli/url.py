"""The URL of a receiver as an argument."""

from urllib.parse import urlsplit

import click

from presence_receiver.http_client import receiver_fault
from presence_receiver.config import LONGEST_URL

PATH = "/presence"

insecure_http = click.option("--insecure-http", is_flag=True,
                             help="Allow http://, where everybody can read along.")


def checked_url(url: str, allows_http: bool) -> str:
    """Return the URL; raise a usage error that names what is wrong with it."""
    if len(url) > LONGEST_URL:
        raise click.BadParameter(f"has {len(url)} characters; HiveManager takes {LONGEST_URL}.", param_hint="URL")
    fault = receiver_fault(url, allows_http)
    if fault:
        raise click.BadParameter(fault, param_hint="URL")
    return url


def ends_as_expected(url: str) -> bool:
    """Return whether the path is the receiver's; behind a proxy it may have something in front."""
    return urlsplit(url).path.endswith(PATH)

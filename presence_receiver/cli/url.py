"""What the URL of a receiver must look like before a secret is sent to it or registered with it."""

import re
from urllib.parse import urlsplit

import click

from presence_receiver.environment import LOOPBACK

LONGEST = 256  # characters in HiveManager's form
PATH = "/presence"
VISIBLE = re.compile(r"[\x21-\x7e]+")

insecure_http = click.option("--insecure-http", is_flag=True,
                             help="Allow http://, where everybody can read along.")


def checked_url(url: str, allows_http: bool) -> str:
    """The URL; raises a usage error that names what is wrong with it."""
    if len(url) > LONGEST:
        raise click.BadParameter(f"has {len(url)} characters; HiveManager takes {LONGEST}.", param_hint="URL")
    fault = url_fault(url, allows_http)
    if fault:
        raise click.BadParameter(fault, param_hint="URL")
    return url


def url_fault(url: str, allows_http: bool) -> str | None:
    """What is wrong with it, or None."""
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0 and VISIBLE.fullmatch(url)
    except ValueError:
        return "is not a URL."
    if parts.scheme not in ("http", "https") or not is_whole:
        return "must be a whole URL, such as https://example.org/presence."
    if parts.username is not None or parts.fragment:
        return "must hold no user, password or fragment."
    if parts.scheme == "http" and not allows_http:
        return "must start with https://, since http:// can be read on the way; --insecure-http allows it."
    return None


def is_loopback(url: str) -> bool:
    """Whether the URL leads nowhere but to this machine."""
    try:
        return LOOPBACK.fullmatch(urlsplit(url).hostname or "") is not None
    except ValueError:
        return False


def ends_as_expected(url: str) -> bool:
    """Whether the path is the receiver's; behind a proxy it may have something in front."""
    return urlsplit(url).path.endswith(PATH)

"""What a URL must look like before a credential is sent to it or registered with it."""

import re
from urllib.parse import urlsplit

LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")
VISIBLE = re.compile(r"[\x21-\x7e]+")


def api_fault(url: str) -> str | None:
    """Return why a URL gets no credentials, to be read after its name; None when it may."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https") or not host or port == 0:
        return "must be a whole URL that starts with https://"
    if parts.username is not None:
        return "must not hold a user or a password"
    if parts.scheme == "http" and not LOOPBACK.fullmatch(host):
        return "must start with https://, since credentials are sent there"
    return None


def receiver_fault(url: str, allows_http: bool) -> str | None:
    """Return what is wrong with a receiver's URL, or None."""
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
    """Return whether the URL leads nowhere but to this machine."""
    try:
        return LOOPBACK.fullmatch(urlsplit(url).hostname or "") is not None
    except ValueError:
        return False

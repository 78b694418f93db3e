"""What HiveManager will demand of a receiver, checked from outside, one finding after the other.

Sends empty deliveries and a wrong secret: for a receiver of one's own. Knows no vendor and no terminal.
"""
from __future__ import annotations

import dataclasses
import os
import secrets
import socket
import ssl
import time
from collections.abc import Container, Iterator
from urllib.parse import SplitResult, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from presence_receiver.errors import CallFailed
from presence_receiver.extras.probe.service import ask
from presence_receiver.http_client import REMEDIES, Answer, Trace, deliver, is_loopback
from presence_receiver.subscriptions import Subscriptions
from presence_receiver.config import LONGEST_SECRET, LONGEST_URL, SHORTEST_SECRET

SLOW = 3.0
"""Seconds; HiveManager's patience is unknown, and nothing is sent twice."""
EMPTY = b"[]"

FOR_EVER = ("no PRESENCE_KEEP_… is set here. Where the receiver has none either, it keeps personal data for ever: set "
            "PRESENCE_KEEP_DAYS.")

CERTIFICATES = {
    10: "It has expired: renew it.",
    18: "It is self-signed: get one from a public authority, such as Let's Encrypt.",
    19: "Its authority is not publicly trusted: get one from a public authority, such as Let's Encrypt.",
    20: "Its chain is incomplete, or its authority is not public: serve the intermediate certificates too "
        "(fullchain.pem).",
    62: "It is for another name: get one for this host.",
}


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the checklist: what was looked at, and how to fix it where that is needed.

    Where `is_remark`, `fault` is nothing that has to be fixed: why it was not looked at, say.
    """

    subject: str
    fault: str = ""
    is_remark: bool = False


class Doctor:
    """Examines the receiver at a URL with its secret."""

    def __init__(self, url: str, secret: str, timeout: float, trace: Trace) -> None:
        self._url, self._secret = url, secret
        self._timeout, self._trace = timeout, trace

    def examine(self) -> Iterator[Finding]:
        """Yield finding after finding; without a way to the receiver the rest is left out."""
        parts = urlsplit(self._url)
        yield Finding("Secret", self._secret_fault())
        yield Finding("URL", self._url_fault(parts))
        if parts.scheme != "https" and not is_loopback(self._url):
            return
        for subject, look in (("Name", _name_fault), ("Certificate", _certificate_fault)):
            if subject == "Name" or parts.scheme == "https":
                fault = look(parts)
                yield Finding(subject, fault)
                if fault:
                    return
        try:
            yield from self._answers(parts)
        except CallFailed as error:
            yield Finding("Answers", str(error))

    def _secret_fault(self) -> str:
        if not SHORTEST_SECRET <= len(self._secret) <= LONGEST_SECRET:
            return (f"PRESENCE_SECRET has {len(self._secret)} characters and HiveManager takes {SHORTEST_SECRET} "
                    f"to {LONGEST_SECRET}: make one with `presence-cli new-secret`.")
        return ""

    def _url_fault(self, parts: SplitResult) -> str:
        if len(self._url) > LONGEST_URL:
            return f"It has {len(self._url)} characters; HiveManager takes {LONGEST_URL}."
        if parts.scheme != "https":
            return "It does not start with https://: put the receiver behind a proxy or platform that does TLS."
        return ""

    def _answers(self, parts: SplitResult) -> Iterator[Finding]:
        root = parts._replace(path="/", query="").geturl()
        yield Finding("GET /", _fault(ask(root, {}, self._timeout, self._trace), 200, root))
        for subject, secret, wanted in (
            ("Without a secret", None, 401),
            ("With a wrong secret", secrets.token_urlsafe(18), 401),
            ("With PRESENCE_SECRET", self._secret, 200),
        ):
            start = time.monotonic()
            answer = deliver(self._url, secret, EMPTY, False, self._timeout, self._trace)
            seconds = time.monotonic() - start
            if answer.status in (404, 405):
                yield Finding("Path", f"{parts.path or '/'} answered {answer.status}: {REMEDIES[answer.status]}")
                return
            yield Finding(subject, _fault(answer, wanted, self._url))
        yield Finding("Answer time", _time_fault(seconds))


def _name_fault(parts: SplitResult) -> str:
    try:
        socket.getaddrinfo(parts.hostname, parts.port or 443)
    except (OSError, UnicodeError):  # of a name with an empty part, or one longer than 63 characters
        return f"DNS does not know {parts.hostname}: check the URL, or wait until the record is known."
    return ""


def _certificate_fault(parts: SplitResult) -> str:
    """Return what is wrong with it by Mozilla's list of authorities, or by REQUESTS_CA_BUNDLE's."""
    context = ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH)
    try:
        with socket.create_connection((parts.hostname, parts.port or 443), timeout=10) as connection:
            with context.wrap_socket(connection, server_hostname=parts.hostname):
                return ""
    except ssl.SSLCertVerificationError as error:
        return CERTIFICATES.get(error.verify_code, f"It is not trusted ({error.verify_message}).")
    except OSError:
        return "No TLS connection comes about: check that the receiver runs and that this port does TLS."


def _fault(answer: Answer, wanted: int, url: str) -> str:
    """Return how to get the wanted status instead of this one."""
    path = urlsplit(url).path or "/"
    if answer.status == wanted:
        return ""
    if 300 <= answer.status < 400:
        return f"{path} redirects to {answer.target}, where HiveManager does not follow: use the final URL."
    if answer.status == 401:
        return f"It answered 401: {REMEDIES[401]}"
    if wanted == 401 and answer.is_success:
        return f"It answered {answer.status}, so anybody may post: check that the receiver itself answers there."
    return f"It answered {answer.status}, not {wanted}: see the receiver's log."


def _time_fault(seconds: float) -> str:
    if seconds > SLOW:
        return f"It took {seconds:.1f} s to answer: look at the receiver's disk and at what stands in front of it."
    return ""


def retention_finding(names: Container[str]) -> Finding:
    """Return whether one of the settings in `names` lets files go: addresses of devices are personal data."""
    if any(f"PRESENCE_KEEP_{limit}" in names for limit in ("DAYS", "FILES", "BYTES")):
        return Finding("Retention")
    return Finding("Retention", FOR_EVER, is_remark=True)


def subscription_finding(listed: Subscriptions, url: str, secret: str) -> Finding:
    """Return whether one of the account's subscriptions posts to the URL with the secret, and is enabled."""
    here = [item for item in listed if item.url == url]
    same = [item for item in here if item.secret == secret]
    fault = ""
    if not here:
        fault = f"None posts to {url}: run `presence-cli register {url}`."
    elif not same:
        fault = f"{here[0].id} has another secret: run `presence-cli register --replace {url}`."
    elif all(item.status == "DISABLED" for item in same):
        fault = f"{same[0].id} is disabled: run `presence-cli register --replace {url}`."
    return Finding("Subscription", fault)

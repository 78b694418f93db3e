"""The one door to obstore, which speaks to S3, Google's and Azure's stores alike.

Open it after the fork: obstore's client hangs for ever in a forked child. Credentials, region and endpoint are
obstore's to find, in the variables that each provider names.
"""
from __future__ import annotations

import contextlib
import datetime
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from presence_receiver.errors import CallFailed

if TYPE_CHECKING:
    from obstore import ObjectMeta

ENDPOINT = r"(AWS|AZURE)(_STORAGE|_METADATA|_MSI)?_ENDPOINT(_URL(_S3)?)?"
"""Only those that are URLs: AWS_USE_FIPS_ENDPOINT, say, is true or false."""

PAGE = 1000
"""Objects that a provider lists or deletes in one request."""

CALL_SECONDS = 10.0
"""How long a call may take, unless it says otherwise."""

REASONS = (
    (r"169\.254\.169\.254|metadata\.google|[Aa]ccount must be|[Cc]redential.*(missing|not found)|"
     r"Missing \w+Key|Unable to open",
     "got no credentials: set the variables of its provider (AWS_ACCESS_KEY_ID, say)"),
    (r"RequestTimeTooSkewed", "says that this machine's clock is wrong"),
    (r"^PermissionDenied|^Unauthenticated|status code: 40[13]|Invalid Access Key",
     "refuses our credentials: check the variables of its provider (AWS_ACCESS_KEY_ID, say)"),
    (r"status code: 404", "does not exist"),
    (r"status code: 30\d|BareRedirect", "is elsewhere: check its region and its endpoint (AWS_REGION, say)"),
    (r"InvalidCertificate|InvalidMessage|AlertReceived|tls", "failed at TLS: check its endpoint and its certificate"),
    (r"(?s)InvalidPath \{.*?path: \"(.*?)\",", r"lists an object whose name no client can say, delete it: \1"),
    (r"kind: Timeout|TimedOut", "did not answer in time"),
    (r"kind: Connect,", "cannot be reached: check its endpoint (AWS_ENDPOINT_URL, say)"),
    (r"status code: (\d+)", r"answered with status \1"),
    (r"Generic (URL|Config) error", "cannot be made out: check PRESENCE_BUCKET_URL and the variables of its provider"),
    (r"Metadata|[Xx]ml|Invalid\w+Response", "does not answer as a bucket does: check its endpoint"),
)
"""What to look for in obstore's errors, in this order: most are one class, and only the text tells them apart."""


class BucketFault(CallFailed):
    """Something asked of the bucket was not done, or nobody knows."""


class Missing(BucketFault):
    """There is no such object, or no such bucket."""


class Bucket:
    """The bucket at a URL; `retries` is how often obstore itself asks again within a call."""

    def __init__(self, url: str, retries: int = 0) -> None:
        self._url, self._retries = url, retries
        self._clients: dict[float, Any] = {}

    def put(self, path: str, content: bytes, seconds: float = CALL_SECONDS) -> None:
        """Return when the object is stored; an attempt takes so many seconds at most."""
        with _translated():
            obstore.put(self._client(seconds), path, content, use_multipart=False)

    def get(self, path: str, seconds: float = CALL_SECONDS) -> bytes:
        """Return the object's content; Missing where there is none."""
        with _translated():
            return bytes(obstore.get(self._client(seconds), path).bytes())

    def pages(self, prefix: str) -> Iterator[Sequence[ObjectMeta]]:
        """Yield all objects below the prefix, a request's worth at a time."""
        with _translated():
            yield from obstore.list(self._client(), prefix, chunk_size=PAGE)

    def delete(self, paths: Sequence[str]) -> None:
        """Return when none of the objects is there; some may be gone after a fault, too."""
        with _translated(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._client(), paths)

    def move(self, path: str, target: str) -> None:
        """Copy the object within the bucket, then delete it."""
        with _translated():
            obstore.rename(self._client(), path, target)

    def _client(self, seconds: float = CALL_SECONDS) -> Any:
        if seconds not in self._clients:
            _check(os.environ)
            limit = datetime.timedelta(seconds=seconds)
            self._clients[seconds] = from_url(
                self._url, client_options={"timeout": limit, "allow_http": _is_plain(os.environ)},
                retry_config={"max_retries": self._retries, "retry_timeout": limit})
        return self._clients[seconds]


def _check(environ: Mapping[str, str]) -> None:
    """Raise BucketFault where obstore would panic: at an endpoint that is no URL and at a newline in a credential."""
    for name, value in environ.items():
        if re.fullmatch(ENDPOINT, name) and not re.fullmatch(r"https?://\S+", value):
            raise BucketFault(f"{name} must be a URL, which begins with https:// or http://.")
        if re.fullmatch(r"AWS_\w*(KEY|KEY_ID|TOKEN|REGION)", name) and not (value.isascii() and value.isprintable()):
            raise BucketFault(f"{name} must be one line of ASCII, without a newline at its end.")


def _is_plain(environ: Mapping[str, str]) -> bool:
    """Return whether the endpoint says plain HTTP: client options hide AWS_ALLOW_HTTP and its like."""
    return any(re.fullmatch(ENDPOINT, name) and value.startswith("http://") for name, value in environ.items())


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as fault:
        raise Missing(_sentence(fault)) from fault
    except (BaseError, ValueError) as fault:
        raise BucketFault(_sentence(fault)) from fault


def _sentence(fault: Exception) -> str:
    text = f"{type(fault).__name__}: {fault}"
    for pattern, reason in REASONS:
        if found := re.search(pattern, text):
            return f"The bucket at PRESENCE_BUCKET_URL {found.expand(reason)}."
    return "The bucket at PRESENCE_BUCKET_URL broke off."

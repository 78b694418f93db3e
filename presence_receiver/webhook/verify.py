"""Is the sender HiveManager? A header and the secrets in; nothing out, or Unauthorized.

HiveManager sends `Authorization: Basic <secret>` with the secret raw, which is no Basic authentication by
RFC 7617; the RFC's form, Bearer and the bare secret are accepted too. Knows no Flask and no settings.
"""
from __future__ import annotations

import binascii
import hmac
from collections.abc import Iterator, Sequence

from presence_receiver.errors import Unauthorized

REFUSAL = "The Authorization header must carry the secret, as in: Authorization: Basic <secret>"


def verify(header: bytes, secrets: Sequence[bytes]) -> int:
    """Return the index of the secret that the Authorization header's value shows; Unauthorized where it shows none.

    Every form is compared with every secret, so that the time taken tells nothing.
    """
    shown = [*_shown(header.strip())]
    matches = [sum([hmac.compare_digest(each, secret) for each in shown]) > 0 for secret in secrets]
    if not any(matches):
        raise Unauthorized(REFUSAL)
    return matches.index(True)


def _shown(header: bytes) -> Iterator[bytes]:
    """Yield what may be the secret in a header: all of it, its credential, the password in its credential."""
    yield header
    scheme, _, credential = header.partition(b" ")
    if scheme.lower() in (b"basic", b"bearer"):
        yield credential.strip()
    if scheme.lower() == b"basic":
        yield _password(credential.strip())


def _password(credential: bytes) -> bytes:
    """Return the password of base64(user:password); empty, which no secret is, where it is not that."""
    try:
        return binascii.a2b_base64(credential, strict_mode=True).partition(b":")[2]
    except binascii.Error:
        return b""

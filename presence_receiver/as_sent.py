"""What is kept of a delivery's values: here, each as it was sent.

An extra may keep less of them; the assembly (`app`) chooses. Whoever judges asks before anything is encoded.
"""
from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any


class AsSent:
    """Keeps every value as it was sent."""

    mark: Mapping[str, Any] = MappingProxyType({})
    """The fields that a rejected line has to tell what was done to it."""

    def observations(self, observations: Sequence[Any], beside: Collection[str] = ()) -> bool:
        """Change Observations that are about to be encoded, perhaps again; False where a name of theirs may not stay.

        `beside` are the names of what stands beside them in their lines.
        """
        return True

    def text(self, content: bytes) -> bytes:
        """Return what is kept of any other JSON; its shape is the same."""
        return content

    def errors(self, errors: dict[str, Any]) -> dict[str, Any]:
        """Return what may be told of errors, in which a sender's names may stand."""
        return errors

    def body(self, body: bytes) -> dict[str, Any]:
        """Return the fields of a rejected line that keep a body which nobody has read."""
        try:
            return {"body": body.decode()}
        except UnicodeDecodeError:
            return {"bodyBase64": base64.b64encode(body).decode()}


AS_SENT = AsSent()

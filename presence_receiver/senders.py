"""Whether anybody who posts here shows the secret, as far as this process has seen. Knows no HTTP library."""
from __future__ import annotations


class Senders:
    """What the answers to deliveries tell of who sends them."""

    def __init__(self) -> None:
        self._has_refused = self._has_verified = False

    def answered(self, status: int) -> None:
        """Take note of an answer: any but 401 went to a sender with the secret."""
        self._has_refused |= status == 401
        self._has_verified |= status != 401

    @property
    def are_all_refused(self) -> bool:
        """Whether there were deliveries, and each was answered 401."""
        return self._has_refused and not self._has_verified

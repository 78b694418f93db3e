"""Every error that this package raises on purpose; they know no status codes and no exit codes.

The webhook turns them into answers, the CLI into one line on stderr.
"""


class PresenceError(Exception):
    """Base of all errors here; its text is one sentence that names what to fix."""


class ConfigError(PresenceError):
    """Settings are missing or malformed; one argument per fault, each a sentence."""


class Unauthorized(PresenceError):
    """The sender did not show the secret."""


class BadDelivery(PresenceError):
    """What came is not JSON, or broken off; `body` holds the bytes that came."""

    def __init__(self, message: str, body: bytes = b"") -> None:
        super().__init__(message)
        self.body = body


class BodyTooLarge(PresenceError):
    """The body, raw or inflated, is over the limit."""


class UnsupportedEncoding(PresenceError):
    """The body's Content-Encoding is neither gzip nor identity."""


class StorageError(PresenceError):
    """The lines could not be made durable, and no byte of them is left.

    `kind` is one of "full", "read-only", "permission", "input/output", "late" and "bucket".
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class StorageSlow(PresenceError):
    """The storage lets deliveries wait, and has refused none of them yet."""


class NotRead(PresenceError):
    """Files could not be read to their end, and all others were; one argument for each, a sentence."""


class CallFailed(PresenceError):
    """A call to somebody else's API was refused, not answered, or not answered intelligibly."""


class OutcomeUnknown(CallFailed):
    """The call may have been carried out: its answer was lost or says nothing. Look before asking again."""


class AlreadyExists(CallFailed):
    """The API refused to create what it already has."""


class Refused(PresenceError):
    """We ourselves refuse to go on; the text names the way out."""


class NotReplayed(PresenceError):
    """A rejected file could not be judged again, and nothing has changed."""

"""What both vendors call a subscription, in one shape, and the verbs that both their APIs have.

It knows no vendor's field names and no HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from presence_receiver.errors import CallFailed
from presence_receiver.mask import one_line

DEFAULT_APPLICATION = "presence-receiver"
DEFAULT_MESSAGE_TYPE = "LOCATION_AP_CENTRIC"
TAKEN_TYPES = (DEFAULT_MESSAGE_TYPE, "LOCATION_CLIENT_CENTRIC")
"""What the receiver makes lines of."""
MOST_PAGES = 1_000


@dataclass(frozen=True)
class Subscription:
    """A vendor's record of where to post. `id` is opaque; None is what the vendor did not say."""

    url: str
    secret: str | None = field(default=None, repr=False)
    application: str | None = DEFAULT_APPLICATION
    message_type: str | None = None
    status: str | None = None
    id: str = ""
    created: str | None = None


Subscriptions = list[Subscription]


def text(value: object) -> str | None:
    """Return a member of a vendor's record as text, whatever it came as."""
    return None if value is None else str(value)


def identity(item: Mapping[str, object], setting: str) -> str:
    """Return the id of a vendor's record; CallFailed where it has none: nothing could be done about it."""
    if item.get("id") in (None, ""):
        members = one_line(", ".join(map(str, item)))[:200] or "no member at all"
        raise CallFailed(f"{setting} answered with a subscription that has no id, only {members}: "
                         "check that it is the API's address.")
    return str(item["id"])


def endless(setting: str) -> CallFailed:
    """Return the error for a list that goes on and on."""
    return CallFailed(f"{setting} answered with more than {MOST_PAGES:,} pages of subscriptions: "
                      "check that it is the API's address.")


class SubscriptionApi(Protocol):
    """The verbs of a vendor's API; every one raises CallFailed, and no call is made before the first."""

    vendor: str
    longest_secret: int | None

    def list(self) -> Subscriptions:
        """Return all subscriptions of the account, from all pages, with their secrets."""

    def create(self, wanted: Subscription) -> None:
        """Ask for it; its id is learnt by listing. Raise AlreadyExists and OutcomeUnknown too."""

    def delete(self, subscription_id: str) -> None:
        """Delete one; raise OutcomeUnknown where the answer was lost."""

    def message_types(self) -> tuple[str, ...]:
        """Return what can be subscribed to."""

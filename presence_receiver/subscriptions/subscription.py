"""What both vendors call a subscription, in one shape, and the verbs that both their APIs have.

It knows no vendor's field names and no HTTP.
"""

from dataclasses import dataclass, field
from typing import Protocol

DEFAULT_APPLICATION = "presence-receiver"
DEFAULT_MESSAGE_TYPE = "LOCATION_AP_CENTRIC"


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
    """A member of a vendor's record as text, whatever it came as."""
    return None if value is None else str(value)


class SubscriptionApi(Protocol):
    """The verbs of a vendor's API; every one raises CallFailed, and no call is made before the first."""

    vendor: str
    longest_secret: int | None

    def list(self) -> Subscriptions:
        """All subscriptions of the account, from all pages, with their secrets."""

    def create(self, wanted: Subscription) -> None:
        """Asks for it; its id is learnt by listing. Raises AlreadyExists and OutcomeUnknown too."""

    def delete(self, subscription_id: str) -> None:
        """Deletes one. Raises OutcomeUnknown where the answer was lost."""

    def message_types(self) -> tuple[str, ...]:
        """What can be subscribed to."""

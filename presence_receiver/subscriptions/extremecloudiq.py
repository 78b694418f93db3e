"""ExtremeCloud IQ's API for webhook subscriptions, in the three verbs that both vendors share.

It creates without telling the id and deletes in the background. Its list comes in three shapes: a page, a bare array
as older servers answer, and an array of pages as the vendor's OpenAPI description says. It knows no CLI.
"""

from typing import Any, Self
from urllib.parse import quote

from presence_receiver.errors import CallFailed
from presence_receiver.http_client import Answer, Tell, Trace
from presence_receiver.mask import Mask
from presence_receiver.subscriptions.caller import Caller, refusal, told
from presence_receiver.subscriptions.environment import Environment
from presence_receiver.subscriptions.subscription import (
    DEFAULT_MESSAGE_TYPE, MOST_PAGES, Subscription, Subscriptions, endless, identity, text,
)

WEBHOOKS = "/subscriptions/webhook"
PAGE = 100
MESSAGE_TYPES = (DEFAULT_MESSAGE_TYPE, "LOCATION_CLIENT_CENTRIC", "AUDIT_LOG_ALL", "GDPR_LOG_ALL",
                 "CREDENTIAL_LOG_ALL", "ACCOUNTING_LOG_ALL", "AUTHENTICATION_LOG_ALL", "EMAIL_LOG_ALL",
                 "SMS_LOG_ALL")
TOKEN = ("EXTREMECLOUDIQ_ACCESS_TOKEN was refused ({said}): make a new one under Global Settings, "
         "API Token Management, for webhook subscriptions.")
REMEDIES = {401: TOKEN, 403: TOKEN}


class ExtremeCloudIQ:
    """One account of ExtremeCloud IQ: the one that the token was made for."""

    vendor = "ExtremeCloud IQ"
    longest_secret = None

    def __init__(self, caller: Caller, mask: Mask) -> None:
        self._caller, self._mask = caller, mask

    @classmethod
    def from_environment(cls, environment: Environment, mask: Mask, timeout: float, trace: Trace,
                         tell: Tell) -> Self:
        """Return one account's API; raise ConfigError with all that is missing or malformed."""
        base = environment.base("EXTREMECLOUDIQ_URL", "https://api.extremecloudiq.com")
        headers = {"Authorization": "Bearer " + environment.credential("EXTREMECLOUDIQ_ACCESS_TOKEN")}
        environment.check()
        return cls(Caller("EXTREMECLOUDIQ_URL", base, headers, timeout, trace, tell), mask)

    def list(self) -> Subscriptions:
        """Return all; pages count from 1, a bare array is everything at once."""
        found: dict[str, Subscription] = {}
        page, last = 1, 1
        while page <= last:
            if page > MOST_PAGES:
                raise endless("EXTREMECLOUDIQ_URL")
            body = self._request("GET", params={"page": str(page), "limit": str(PAGE)})
            fresh = [item for item in self._subscriptions(body) if item.id not in found]
            found.update((item.id, item) for item in fresh)
            last = page_count(body) if fresh else 0
            page += 1
        return [*found.values()]

    def create(self, wanted: Subscription) -> None:
        """Post an array of one; the answer is 202 with nothing in it."""
        self._request("POST", json=[{
            "application": wanted.application, "url": wanted.url, "secret": wanted.secret,
            "message_type": wanted.message_type or DEFAULT_MESSAGE_TYPE, "status": "ENABLED"}])

    def delete(self, subscription_id: str) -> None:
        """Delete one; older servers do not have the way of today and have another."""
        answer = self._caller.call("DELETE", f"{WEBHOOKS}/:delete", params={"ids": subscription_id})
        if answer.status in (404, 405):
            answer = self._caller.call("DELETE", f"{WEBHOOKS}/{quote(subscription_id, safe='')}")
        self._checked("DELETE", answer)

    def message_types(self) -> tuple[str, ...]:
        """Return them as the vendor's own client lists them: there is no call for it."""
        return MESSAGE_TYPES

    def _subscriptions(self, body: Any) -> Subscriptions:
        try:
            data = [item for page in pages(body) for item in page["data"] or ()]
        except (TypeError, KeyError):
            data = None
        if data is None or not all(isinstance(item, dict) for item in data):
            raise CallFailed("EXTREMECLOUDIQ_URL answered with something that is no list of subscriptions: "
                             "check that it is the API's address.")
        for item in data:
            self._mask.add(text(item.get("secret")))
        return [subscription(item) for item in data]

    def _request(self, method: str, **content: Any) -> Any:
        return self._checked(method, self._caller.call(method, WEBHOOKS, **content))

    def _checked(self, method: str, answer: Answer) -> Any:
        """Return the body of a 2xx answer; an error's body in it is an error all the same."""
        is_error = isinstance(answer.body, dict) and "error_code" in answer.body
        if is_error or not answer.is_success:
            said = told(self._mask, answer, words(answer.body if is_error else {}))
            raise refusal(self.vendor, method, answer.status, said, REMEDIES)
        return answer.body


def subscription(item: dict[str, Any]) -> Subscription:
    """Return ExtremeCloud IQ's record in our words."""
    return Subscription(
        id=identity(item, "EXTREMECLOUDIQ_URL"), application=text(item.get("application")), url=str(item.get("url")),
        secret=text(item.get("secret")), message_type=text(item.get("message_type")),
        status=text(item.get("status")), created=text(item.get("create_time")))


def pages(body: Any) -> list[dict[str, Any]]:
    """Return the pages in an answer, whichever of its three shapes it has."""
    if isinstance(body, dict):
        return [body]
    if isinstance(body, list) and all(isinstance(item, dict) and "data" in item for item in body):
        return body
    return [{"data": body}] if isinstance(body, list) else [{}]


def page_count(body: Any) -> int:
    """Return how many pages there are, as far as the answer says."""
    return max((page["total_pages"] for page in pages(body) if isinstance(page.get("total_pages"), int)), default=1)


def words(error: dict[str, Any]) -> str:
    """Return the API's own words; begins with a separator, or is empty."""
    said = " ".join(str(error[key]) for key in ("error_code", "error_message") if error.get(key))
    return f"; {said}" if said else ""

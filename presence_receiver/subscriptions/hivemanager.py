"""HiveManager NG's API ("xapi") for webhook subscriptions, in the three verbs that both vendors share.

Strict in what is sent, tolerant in what is read: each part of the envelope may be missing. It knows no
CLI.
"""

from collections.abc import Iterator
from typing import Any, Self
from urllib.parse import quote

from presence_receiver.errors import AlreadyExists, CallFailed
from presence_receiver.http_client import Tell, Trace
from presence_receiver.mask import Mask
from presence_receiver.subscriptions.caller import Caller, refusal, told
from presence_receiver.subscriptions.environment import Environment
from presence_receiver.subscriptions.subscription import (
    MOST_PAGES, TAKEN_TYPES, Subscription, Subscriptions, endless, identity, text,
)

EXISTS = "core.service.data.can.not.persist.object"
WITHOUT_LISTING = TAKEN_TYPES  # what v1, which cannot be asked, knows
TOKEN = ("HIVEMANAGER_ACCESS_TOKEN was refused ({said}): make a new one under Global Settings, API Token Management, "
         "and check HIVEMANAGER_CLIENT_ID and HIVEMANAGER_CLIENT_SECRET.")
REMEDIES = {401: TOKEN, 403: TOKEN, 404: "HiveManager does not find it ({said}): check HIVEMANAGER_OWNER_ID, "
                                         "HIVEMANAGER_API_VERSION and HIVEMANAGER_ACCESS_TOKEN."}


class HiveManager:
    """One account of HiveManager."""

    vendor = "HiveManager"
    longest_secret = 32  # its form takes no more, and a longer one was silently cut

    def __init__(self, caller: Caller, version: str, owner_id: int, mask: Mask) -> None:
        self._caller, self._version, self._owner_id, self._mask = caller, version, owner_id, mask

    @classmethod
    def from_environment(cls, environment: Environment, mask: Mask, timeout: float, trace: Trace,
                         tell: Tell) -> Self:
        """Return one account's API; raise ConfigError with all that is missing or malformed."""
        base = environment.base("HIVEMANAGER_URL")
        version = environment.one_of("HIVEMANAGER_API_VERSION", ("beta", "v1"))
        headers = {
            "X-AH-API-CLIENT-SECRET": environment.credential("HIVEMANAGER_CLIENT_SECRET"),
            "X-AH-API-CLIENT-ID": environment.credential("HIVEMANAGER_CLIENT_ID"),
            "X-AH-API-CLIENT-REDIRECT-URI": environment.header("HIVEMANAGER_REDIRECT_URI"),
            "Authorization": "Bearer " + environment.credential("HIVEMANAGER_ACCESS_TOKEN"),
        }
        owner_id = environment.integer("HIVEMANAGER_OWNER_ID")
        environment.check()
        path = f"{base}/xapi/{version}/configuration/webhooks"
        return cls(Caller("HIVEMANAGER_URL", path, headers, timeout, trace, tell), version, owner_id, mask)

    def list(self) -> Subscriptions:
        """Ask without a page first; then, where `pagination` counts more, until nothing new comes."""
        found: dict[str, Subscription] = {}
        for page in self._pages():
            fresh = [item for item in page if item.id not in found]
            if not fresh:
                break
            found.update((item.id, item) for item in fresh)
        return [*found.values()]

    def create(self, wanted: Subscription) -> None:
        """Post the four documented members, and the type only where one was asked for."""
        body: dict[str, Any] = {"application": wanted.application, "ownerId": self._owner_id,
                                "secret": wanted.secret, "url": wanted.url}
        if wanted.message_type and wanted.message_type.startswith("LOCATION_"):
            body["eventType"] = "LOCATION"
        if wanted.message_type:
            body["messageType"] = wanted.message_type
        self._request("POST", json=body)

    def delete(self, subscription_id: str) -> None:
        """Delete one; the slash at the end belongs to the path."""
        self._request("DELETE", f"/{quote(subscription_id, safe='')}/", params=self._owner)

    def message_types(self) -> tuple[str, ...]:
        """Return them; only beta can be asked."""
        if self._version != "beta":
            return WITHOUT_LISTING
        events = self._request("GET", "/eventTypes", params=self._owner).get("data")
        return tuple(kind for event in strings(events) for kind in self._message_types_of(event))

    def _message_types_of(self, event: str) -> tuple[str, ...]:
        envelope = self._request("GET", "/messageTypes", params={**self._owner, "eventType": event})
        return strings(envelope.get("data"))

    @property
    def _owner(self) -> dict[str, str]:
        return {"ownerId": str(self._owner_id)}

    def _pages(self) -> Iterator[Subscriptions]:
        """Yield the size of a page is whatever the first one turns out to have."""
        envelope = self._request("GET", params=self._owner)
        first = self._subscriptions(envelope)
        yield first
        page = 1
        while first and says_more(envelope, page * len(first)):
            if page == MOST_PAGES:
                raise endless("HIVEMANAGER_URL")
            paging = {"page": str(page), "pageSize": str(len(first))}
            envelope = self._request("GET", params={**self._owner, **paging})
            yield self._subscriptions(envelope)
            page += 1

    def _subscriptions(self, envelope: dict[str, Any]) -> Subscriptions:
        data = envelope.get("data")
        if not isinstance(data, list | None) or not all(isinstance(item, dict) for item in data or ()):
            raise CallFailed("HIVEMANAGER_URL answered with something that is no list of subscriptions: "
                             "check that it is the API's address.")
        for item in data or ():
            self._mask.add(text(item.get("secret")))
        return [subscription(item) for item in data or ()]

    def _request(self, method: str, path: str = "", **content: Any) -> dict[str, Any]:
        """Return the envelope of a 2xx answer; an `error` in it is an error whatever the status."""
        answer = self._caller.call(method, path, **content)
        envelope = answer.body if isinstance(answer.body, dict) else {}
        error = envelope.get("error")
        if error or not answer.is_success:
            error = error if isinstance(error, dict) else {"message": error}
            said = told(self._mask, answer, words(error))
            if error.get("code") == EXISTS:
                raise AlreadyExists(f"HiveManager says that it has this subscription already ({said}).")
            raise refusal(self.vendor, method, answer.status, said, REMEDIES)
        if method == "GET" and not envelope:
            raise CallFailed(f"HIVEMANAGER_URL answered {answer.status} with nothing to read: "
                             "check that it is the API's address.")
        return envelope


def subscription(item: dict[str, Any]) -> Subscription:
    """Return HiveManager's record in our words."""
    return Subscription(
        id=identity(item, "HIVEMANAGER_URL"), application=text(item.get("application")), url=str(item.get("url")),
        secret=text(item.get("secret")), message_type=text(item.get("messageType")),
        status=text(item.get("status")), created=text(item.get("dateCreated")))


def says_more(envelope: dict[str, Any], seen: int) -> bool:
    """Return whether `pagination` counts more than was seen; -1 means that it does not know, so one has to ask."""
    pagination = envelope.get("pagination")
    total = pagination.get("totalCount") if isinstance(pagination, dict) else None
    return isinstance(total, int) and (total < 0 or total > seen)


def words(error: dict[str, Any]) -> str:
    """Return the API's own words, with its validation errors by path; begins with a separator, or is empty."""
    said = " ".join(str(error[key]) for key in ("code", "message") if error.get(key))
    faults = error.get("validationErrors")
    lines = [f"{path}: {', '.join(map(str, told)) if isinstance(told, list) else told}"
             for path, told in faults.items()] if isinstance(faults, dict) else []
    return "".join(f"; {part}" for part in [said or error.get("rawMessage"), *lines] if part)


def strings(data: Any) -> tuple[str, ...]:
    """Return the strings of a list; nothing of anything else."""
    return tuple(item for item in data if isinstance(item, str)) if isinstance(data, list) else ()

"""Registers and deletes so that running a command twice does no harm, and a lost answer is found out about.

Planning is pure: a list and a wish in, a plan out. It knows no vendor and no terminal; its sentences are
yielded as things happen, so that what was done is told even when the next step fails.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from presence_receiver.errors import AlreadyExists, CallFailed, OutcomeUnknown, Refused
from presence_receiver.subscriptions.subscription import (
    DEFAULT_MESSAGE_TYPE, Subscription, SubscriptionApi, Subscriptions,
)

PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0)  # seconds before each look: what was created need not be listed at once


@dataclass(frozen=True)
class Plan:
    """What registering comes to: `present` is as wanted, `old` have another secret or are disabled."""

    wanted: Subscription
    present: Subscription | None
    old: tuple[Subscription, ...]
    doubled: tuple[Subscription, ...]

    def warnings(self) -> Iterator[str]:
        """Yield what is left beside the wanted one at the same URL, in sentences."""
        for other in self.doubled:
            what = "another secret" if is_same_type(other, self.wanted) else other.message_type
            yield f"Subscription {other.id} posts to {other.url} too, with {what}."

    def intentions(self) -> Iterator[str]:
        """Yield what carrying it out would do, in sentences."""
        if self.present:
            yield already_there(self.present)
        else:
            yield f"Would create a subscription that posts to {self.wanted.url}."
        for old in self.old:
            yield f"Would then delete subscription {old.id}."


def plan_registration(listed: Subscriptions, wanted: Subscription, replace: bool) -> Plan:
    """Return what to do; raise Refused where the URL has another secret and `replace` is not asked for."""
    here = [item for item in listed if item.url == wanted.url]
    same_type = [item for item in here if is_same_type(item, wanted)]
    present = find(same_type, wanted)
    old = tuple(item for item in same_type if not is_as_wanted(item, wanted))
    if old and not present and not replace:
        raise Refused(refusal(old[0]))
    doubled = tuple(item for item in here if item not in same_type)
    return Plan(wanted, present, old if replace else (), doubled if replace or not old else doubled + old)


def carry_out(api: SubscriptionApi, steps: Plan) -> Iterator[str]:
    """Create first and delete then, so that no delivery falls between; yield what was done, in sentences."""
    if steps.present:
        yield already_there(steps.present)
    else:
        yield create(api, steps)
    for old in steps.old:
        yield delete_subscription(api, old.id)


def create(api: SubscriptionApi, steps: Plan) -> str:
    """Return what was done as a sentence; raise CallFailed where nothing was, as far as can be seen."""
    told = "Created subscription {id}, which posts to {url}."
    doubt: CallFailed | None = None
    try:
        api.create(steps.wanted)
    except OutcomeUnknown as error:
        doubt, told = error, "The answer was lost, but subscription {id} was created; it posts to {url}."
    except AlreadyExists as error:
        doubt, told = error, "Subscription {id} already posts to {url} with this secret; nothing was created."
    created = find(look(api, lambda listed: find(listed, steps.wanted) is not None, doubt), steps.wanted)
    if created:
        return told.format(id=created.id, url=created.url)
    return unseen(steps, doubt)


def unseen(steps: Plan, doubt: CallFailed | None) -> str:
    """Return what to say of a subscription that is not in the list after asking for it."""
    kept = f" Subscription {steps.old[0].id} was kept." if steps.old else ""
    if isinstance(doubt, AlreadyExists):
        raise Refused(f"{doubt} The list shows no such subscription with this secret.{kept} "
                      "Delete what `presence-cli list` shows for this URL, then register again.")
    if doubt:
        raise CallFailed(f"{doubt} The list does not show the new subscription.{kept} "
                         "Run the same command again.")
    if steps.old:
        raise CallFailed(f"The new subscription was accepted but is not listed yet.{kept} "
                         "Run the same command again in a minute.")
    return f"The subscription that posts to {steps.wanted.url} was accepted; it is not listed yet."


def delete_subscription(api: SubscriptionApi, subscription_id: str) -> str:
    """Delete one; return what was done as a sentence, or raise CallFailed where it is still there."""
    try:
        api.delete(subscription_id)
    except OutcomeUnknown as doubt:
        if holds(look(api, lambda listed: not holds(listed, subscription_id), doubt), subscription_id):
            raise CallFailed(f"{doubt} Subscription {subscription_id} is still there. "
                             "Run the command again.") from None
        return f"The answer was lost, but subscription {subscription_id} is deleted."
    return f"Deleted subscription {subscription_id}."


def look(api: SubscriptionApi, is_settled: Callable[[Subscriptions], bool],
         doubt: CallFailed | None) -> Subscriptions:
    """List until what was asked for shows, a few times; return the last list."""
    listed: Subscriptions = []
    for pause in PAUSES:
        time.sleep(pause)
        listed = listed_after(api, doubt)
        if is_settled(listed):
            break
    return listed


def listed_after(api: SubscriptionApi, doubt: CallFailed | None) -> Subscriptions:
    """Return the list; where listing fails too, nobody knows what was done, and the error says so."""
    try:
        return api.list()
    except CallFailed as error:
        done = doubt or "The call was accepted."
        raise CallFailed(f"{done} What came of it is unknown, since the list cannot be read: {error} "
                         "Then look with `presence-cli list`.") from None


def holds(listed: Subscriptions, subscription_id: str) -> bool:
    """Return whether a subscription is in the list."""
    return any(item.id == subscription_id for item in listed)


def find(listed: Subscriptions, wanted: Subscription) -> Subscription | None:
    """Return the first that is as wanted."""
    return next((item for item in listed if is_as_wanted(item, wanted)), None)


def is_as_wanted(item: Subscription, wanted: Subscription) -> bool:
    """Return whether URL, type and secret are the same and it is not switched off."""
    is_same = item.url == wanted.url and item.secret == wanted.secret and is_same_type(item, wanted)
    return is_same and item.status != "DISABLED"


def is_same_type(item: Subscription, wanted: Subscription) -> bool:
    """Return whether the type is the same; a subscription from before there were types has none, and serves for any."""
    return item.message_type in (None, wanted.message_type or DEFAULT_MESSAGE_TYPE)


def already_there(present: Subscription) -> str:
    """Return the sentence that there is nothing to do."""
    return f"Subscription {present.id} already posts to {present.url} with this secret; nothing was created."


def refusal(old: Subscription) -> str:
    """Return why not to register beside `old`, and the way out."""
    differs = "is disabled" if old.status == "DISABLED" else "has another secret"
    return (f"Subscription {old.id} posts to {old.url} already and {differs}: "
            "give --replace to create a new one and then delete it.")

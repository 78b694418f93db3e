"""The same deliveries with the oddities whose cost is to stay small; each from the plain ones."""

import json

from .deliveries import encoded

EVERY = 250


def plain(body: bytes) -> bytes:
    return body


def unknown_fields(body: bytes) -> bytes:
    """Two fields that we do not know in every observation."""
    return changed(body, lambda number, seen: seen.update(vlan=12, location={"floor": 2}))


def one_bad(body: bytes) -> bytes:
    """The observation in the middle has no number for its signal."""
    middle = body.count(b'"clientMac"') // 2
    return changed(body, lambda number, seen: seen.update(rssi="loud") if number == middle else None)


def not_a_number(body: bytes) -> bytes:
    """One of 250 has the string "NaN" for its place."""
    return changed(body, lambda number, seen: seen.update(x="NaN", y="NaN") if number % EVERY == 1 else None)


def changed(body: bytes, change) -> bytes:
    reports = json.loads(body)
    every = [seen for report in reports for seen in report["observations"]]
    for number, seen in enumerate(every):
        change(number, seen)
    return encoded(reports)


VARIANTS = {
    "unknown fields in each": unknown_fields,
    "one bad": one_bad,
    '"NaN" in one of 250': not_a_number,
}

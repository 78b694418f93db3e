"""Asks a running receiver how it is: /readyz, and /metrics for those who have its token."""
from __future__ import annotations

import dataclasses
import email.utils
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from presence_receiver.errors import CallFailed
from presence_receiver.http_client import Answer, Trace, open_session, parse, reason, send
from presence_receiver.monitoring import parsed


ACCEPTED, REJECTED = (f'presence_observations_total{{result="{result}"}}' for result in ("accepted", "rejected"))

STARTED = "presence_start_timestamp_seconds"

SINCE_DELIVERY = "secondsSinceDelivery"

NO_RATE_SECONDS = 120
"""Before that a rate would be a guess, and the count itself says more."""

NO_TOKEN = "Give PRESENCE_METRICS_TOKEN, here and at the receiver, to see how much comes."
NO_AGE = ("Give the receiver's own PRESENCE_SECRET to see when the last delivery came, and PRESENCE_METRICS_TOKEN, "
          "here and at the receiver, to see how much comes.")


@dataclasses.dataclass(frozen=True)
class Status:
    """What a receiver says of itself, in sentences; `fault` where it is not ready.

    `seconds` since the last delivery, where it tells that.
    """

    fault: str
    sentences: list[str]
    tells_age: bool
    seconds: float | None


def ask(url: str, headers: Mapping[str, str], timeout: float, trace: Trace) -> Answer:
    """Return the answer to a GET that is not repeated; raise CallFailed where none comes."""
    return parse(_response(url, headers, timeout, trace))


def _response(url: str, headers: Mapping[str, str], timeout: float, trace: Trace) -> requests.Response:
    with open_session(headers) as session:
        try:
            return send(session, "GET", url, timeout, trace, headers={"Connection": "close"})
        except requests.RequestException as error:
            raise CallFailed(f"{url} does not answer ({reason(error)}): "
                             "check the URL and that the receiver runs.") from None


def status(url: str, token: str | None, secret: str | None, timeout: float, trace: Trace) -> Status:
    """Return that of the receiver at `url`; without the token no counts, without the secret no age either."""
    base = urlsplit(url)._replace(path=urlsplit(url).path.removesuffix("/presence").rstrip("/"), query="").geturl()
    shown = token or secret
    answer = ask(f"{base}/readyz", {"Authorization": f"Bearer {shown}"} if shown else {}, timeout, trace)
    if not _is_receivers(answer.body):
        raise CallFailed(f"{base}/readyz answered {answer.status} with {answer.what}: "
                         "check that it is a receiver's URL.")
    sentences = ["Ready."] if answer.status == 200 else []
    sentences += [f"Warning: {warning}" for warning in answer.body.get("warnings", ())]
    sentences += [*_last(answer.body)]
    tells_age = SINCE_DELIVERY in answer.body
    sentences += _counts(base, token, timeout, trace) if token else [NO_TOKEN if tells_age else NO_AGE]
    fault = "" if answer.status == 200 else f"Not ready: {answer.body.get('error')}"
    return Status(fault, sentences, tells_age, answer.body.get(SINCE_DELIVERY))


def _is_receivers(body: Any) -> bool:
    """Return whether a receiver may have answered this; anybody's service may be ready."""
    if not isinstance(body, dict) or "status" not in body:
        return False
    warnings, seconds = body.get("warnings", []), body.get(SINCE_DELIVERY)
    tells_warnings = isinstance(warnings, list) and all(isinstance(warning, str) for warning in warnings)
    return tells_warnings and (seconds is None or _is_number(seconds))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _last(body: Mapping[str, Any]) -> Iterator[str]:
    if SINCE_DELIVERY in body:
        seconds = body[SINCE_DELIVERY]
        yield "No delivery has come yet." if seconds is None else f"Last delivery {ago(seconds)} ago."


def _counts(base: str, token: str, timeout: float, trace: Trace) -> Iterator[str]:
    response = _response(f"{base}/metrics", {"Authorization": f"Bearer {token}"}, timeout, trace)
    if response.status_code != 200:
        remedy = "at the receiver too" if response.status_code == 404 else "to what the receiver has"
        raise CallFailed(f"{base}/metrics answered {response.status_code}: set PRESENCE_METRICS_TOKEN {remedy}.")
    try:
        values = parsed(response.text)
    except ValueError:
        values = {}
    if not all(_is_number(values.get(name)) for name in (STARTED, ACCEPTED, REJECTED)):
        raise CallFailed(f"{base}/metrics does not have a receiver's counts: check that it is a receiver's URL.")
    yield from counted(values, _now(response))


def counted(values: Mapping[str, float], now: float) -> Iterator[str]:
    """Say what the samples of /metrics tell; `now` is Unix time by the receiver's clock."""
    seconds = max(now - values[STARTED], 1)
    since = f"since the start {ago(seconds)} ago"
    if seconds < NO_RATE_SECONDS:
        yield f"{_count(values[ACCEPTED])} {since}."
    else:
        yield f"{_count(values[ACCEPTED] * 60 / seconds)} a minute {since}."
    yield f"{values[REJECTED]:,.0f} rejected."


def _count(number: float) -> str:
    return "1 observation" if round(number) == 1 else f"{number:,.0f} observations"


def _now(response: requests.Response) -> float:
    """Return the time by the receiver's clock, to compare its own times with."""
    try:
        return email.utils.parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return time.time()


def ago(seconds: float) -> str:
    """Return it in the largest unit that fits: 12 s, 5 min, 3 h, 2 days."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"

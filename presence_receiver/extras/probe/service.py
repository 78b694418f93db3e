"""Asks a running receiver how it is: /readyz, and /metrics for those who have its token."""
from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import requests

from presence_receiver.errors import CallFailed
from presence_receiver.http_client import Answer, Trace, open_session, parse, reason, send
from presence_receiver.monitoring import parsed


ACCEPTED, REJECTED = (f'presence_observations_total{{result="{result}"}}' for result in ("accepted", "rejected"))


@dataclasses.dataclass(frozen=True)
class Status:
    """What a receiver says of itself, in sentences."""

    is_ready: bool
    sentences: list[str]


def ask(url: str, headers: Mapping[str, str], timeout: float, trace: Trace) -> Answer:
    """The answer to a GET that is not repeated; raises CallFailed where none comes."""
    return parse(_response(url, headers, timeout, trace))


def _response(url: str, headers: Mapping[str, str], timeout: float, trace: Trace) -> requests.Response:
    with open_session(headers) as session:
        try:
            return send(session, "GET", url, timeout, trace, headers={"Connection": "close"})
        except requests.RequestException as error:
            raise CallFailed(f"{url} does not answer ({reason(error)}): "
                             "check the URL and that the receiver runs.") from None


def status(url: str, token: str | None, timeout: float, trace: Trace) -> Status:
    """Of the receiver whose deliveries go to `url`; without the token no counts."""
    base = urlsplit(url)._replace(path=urlsplit(url).path.removesuffix("/presence").rstrip("/"), query="").geturl()
    answer = ask(f"{base}/readyz", {}, timeout, trace)
    if not isinstance(answer.body, dict) or "status" not in answer.body:
        raise CallFailed(f"{base}/readyz answered {answer.status} with {answer.what}: "
                         "check that it is a receiver's URL.")
    sentences = ["Ready." if answer.status == 200 else f"Not ready: {answer.body.get('error')}"]
    sentences += [f"Warning: {warning}" for warning in answer.body.get("warnings", ())]
    if token:
        sentences += _counts(base, token, timeout, trace)
    return Status(answer.status == 200, sentences)


def _counts(base: str, token: str, timeout: float, trace: Trace) -> Iterator[str]:
    response = _response(f"{base}/metrics", {"Authorization": f"Bearer {token}"}, timeout, trace)
    if response.status_code != 200:
        raise CallFailed(f"{base}/metrics answered {response.status_code}: "
                         "set PRESENCE_METRICS_TOKEN to what the receiver has.")
    values = parsed(response.text)
    last, now = values.get("presence_last_delivery_timestamp_seconds", 0), time.time()
    if not last:
        yield "No delivery since the start."
        return
    minutes = max((now - values["presence_start_timestamp_seconds"]) / 60, 1)
    yield f"Last delivery {ago(now - last)} ago."
    yield f"{values[ACCEPTED] / minutes:,.0f} observations a minute since the start {ago(minutes * 60)} ago."
    yield f"{values[REJECTED]:,.0f} rejected."


def ago(seconds: float) -> str:
    """In the largest unit that fits: 12 s, 5 min, 3 h, 2 days."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"

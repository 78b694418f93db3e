"""The blueprint that receives deliveries: POST /presence."""
from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, current_app, has_request_context, jsonify, request

from presence_receiver import budgets, lines
from presence_receiver.as_sent import AsSent
from presence_receiver.errors import (
    BadDelivery, BodyTooLarge, PresenceError, StorageError, Unauthorized, UnsupportedEncoding,
)
from presence_receiver.log_limit import REQUEST_IDS
from presence_receiver.mask import one_line
from presence_receiver.receiver import EXTENSION
from presence_receiver.validation import Judged, judge_delivery, unreadable
from presence_receiver.webhook import body
from presence_receiver.webhook.verify import verify

RETRY_AFTER = 10
"""Seconds; HiveManager does not try again, but a proxy or a person may."""

LONGEST_ADDRESS = 60
"""Characters; an IPv6 address with its port has 47."""

log = logging.getLogger(__name__)
webhook = Blueprint("presence_webhook", __name__)

ANSWERS: dict[type[PresenceError], tuple[int, dict[str, str]]] = {
    Unauthorized: (401, {"WWW-Authenticate": 'Basic realm="presence"'}),
    BodyTooLarge: (413, {}),
    UnsupportedEncoding: (415, {}),
    StorageError: (503, {"Retry-After": str(RETRY_AFTER)}),
}


@webhook.route("/presence", methods=["POST"], provide_automatic_options=False)
def receive() -> Response:
    """Take one delivery: verified, judged, on disk, answered."""
    receiver = current_app.extensions[EXTENSION]
    environ = request.environ
    secret = verify(environ.get("HTTP_AUTHORIZATION", "").encode("latin-1"), receiver.settings.secrets)
    receiver.last_delivery.note()
    received_at = lines.stamp(datetime.datetime.now(datetime.UTC))
    content, fault = _read(environ, receiver.settings.max_body_bytes)
    with receiver.turns.taken(len(content)):
        judged = _judged(receiver.kept, content, fault, received_at)
        _store(receiver, judged, secret)
    return _answer(receiver, judged)


def _read(environ: Mapping[str, Any], limit: int) -> tuple[bytes, str]:
    """Return the body; where it broke off, what came of it, and a sentence that says so."""
    try:
        return body.read(environ, limit), ""
    except BadDelivery as error:
        return error.body, str(error)


def _judged(kept: AsSent, content: bytes, fault: str, received_at: str) -> Judged:
    if fault:
        return unreadable(content, fault, received_at, kept)
    return judge_delivery(content, received_at, budgets.for_body(len(content)), kept)


def _store(receiver: Any, judged: Judged, secret: int) -> None:
    start = time.monotonic()
    receiver.writer.append(judged.lines, judged.rejected)
    size, seconds = len(judged.lines) + len(judged.rejected), time.monotonic() - start
    receiver.metrics.stored(
        judged.accepted_count, judged.rejected_count, judged.unjudged_count, size, secret, seconds)


def _answer(receiver: Any, judged: Judged) -> Response:
    counts = {"accepted": judged.accepted_count, "rejected": judged.rejected_count}
    if judged.rejected_count:
        receiver.log.warning(
            "rejected", "A delivery had %d rejected observations and %d good ones.",
            judged.rejected_count, judged.accepted_count,
        )
    if judged.unjudged_count:
        counts["unjudged"] = judged.unjudged_count
        receiver.readiness.note_unjudged()
        receiver.log.warning(
            "unjudged", "A delivery cost more than one may: %d of its observations are in the rejected file, unjudged; "
            "presence-cli replay judges them.", judged.unjudged_count,
        )
    if judged.accepted_count or not judged.rejected_count:
        content = ",".join([f'"{name}":{count}' for name, count in counts.items()])
        return current_app.response_class(b"{%s}\n" % content.encode(), mimetype="application/json")
    return _error(judged.error, 422 if judged.is_readable else 400, **counts, errors=judged.errors)


def _error(sentence: str, status: int, **more: Any) -> Response:
    answer = jsonify({"error": sentence, **more})
    answer.status_code = status
    return answer


def identify(record: logging.LogRecord) -> bool:
    """Let a warning name its request, as the access log does."""
    names = [name for name in REQUEST_IDS if has_request_context() and name in request.headers]
    if names:
        record.request_id = request.headers[names[0]][:200]
    return True


def _sender(environ: Mapping[str, Any]) -> str:
    """Return the address that a refused request came from; behind a router the one that its last header claims."""
    claimed = one_line(environ.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2])[:LONGEST_ADDRESS]
    if claimed:
        return f"{claimed} (as X-Forwarded-For claims)"
    return environ.get("REMOTE_ADDR") or "an unknown address"


@webhook.after_request
def count(answer: Response) -> Response:
    """Count every answer to a delivery, whatever came of it."""
    receiver = current_app.extensions[EXTENSION]
    receiver.metrics.answered(answer.status_code)
    receiver.senders.answered(answer.status_code)
    return answer


@webhook.errorhandler(PresenceError)
def refuse(error: PresenceError) -> Response:
    """Return the answer to a delivery of which nothing was kept."""
    status, headers = ANSWERS[type(error)]
    kind = error.kind if isinstance(error, StorageError) else str(status)
    sender = f" from {_sender(request.environ)}" if isinstance(error, Unauthorized) else ""
    current_app.extensions[EXTENSION].log.warning(kind, "A delivery%s was refused with %d: %s", sender, status, error)
    answer = _error(str(error), status)
    answer.headers.update(headers)
    return answer

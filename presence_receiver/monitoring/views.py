"""What tells that the service is there, whether it can store, and what it has counted."""
from __future__ import annotations

import hmac

from flask import Blueprint, Response, current_app, jsonify, request

from presence_receiver.config import Settings
from presence_receiver.monitoring.prometheus import CONTENT_TYPE
from presence_receiver.receiver import EXTENSION, Receiver

REFUSAL = "The Authorization header must carry PRESENCE_METRICS_TOKEN, as in: Authorization: Bearer <token>"

NO_TOKEN = "There is no /metrics without PRESENCE_METRICS_TOKEN: set it at the receiver, and show it as bearer token."

service = Blueprint("presence_service", __name__)


@service.get("/", provide_automatic_options=False)
def root() -> Response:
    """Answer the vendor's set-up page, which tests TLS with this."""
    return jsonify(service="presence-receiver")


@service.get("/healthz", provide_automatic_options=False)
def healthz() -> Response:
    """Answer for the process; platforms restart one that does not."""
    return jsonify(status="alive")


@service.get("/readyz", provide_automatic_options=False)
def readyz() -> Response:
    """Answer 503 only when a delivery would fail now, since nothing is sent twice; warn of what is short."""
    receiver = current_app.extensions[EXTENSION]
    reasons, warnings = receiver.readiness.reasons(), receiver.readiness.warnings()
    more = {"secondsSinceDelivery": _since_delivery(receiver)} if _is_friend(receiver.settings) else {}
    if not reasons:
        return jsonify(status="ready", warnings=warnings, **more)
    answer = jsonify(status="unready", error=" ".join(reasons), warnings=warnings, **more)
    answer.status_code = 503
    return answer


def _since_delivery(receiver: Receiver) -> int | None:
    """Return whole seconds, by this machine's clock; None where no delivery is known of."""
    seconds = receiver.last_delivery.seconds()
    return None if seconds is None else round(seconds)


def _is_friend(settings: Settings) -> bool:
    """Return whether the request shows the secret or the metrics token, as bearer.

    Strangers may ask whether deliveries would be stored; when access points see somebody is none of their business.
    """
    known = [settings.metrics_token, settings.secret, settings.previous_secret]
    return any([_shows(token) for token in known if token])


@service.get("/metrics", provide_automatic_options=False)
def metrics() -> Response:
    """Answer Prometheus, which shows PRESENCE_METRICS_TOKEN as bearer; without one there is no such page."""
    receiver = current_app.extensions[EXTENSION]
    if receiver.settings.metrics_token is None:
        return _refused(NO_TOKEN, 404)
    if not _shows(receiver.settings.metrics_token):
        answer = _refused(REFUSAL, 401)
        answer.headers["WWW-Authenticate"] = 'Bearer realm="presence"'
        return answer
    is_ready = not receiver.readiness.reasons()
    text = receiver.metrics.exposition(receiver.settings.data_dir, receiver.last_delivery.at(), is_ready)
    return Response(text, content_type=CONTENT_TYPE)


def _refused(sentence: str, status: int) -> Response:
    answer = jsonify(error=sentence)
    answer.status_code = status
    return answer


def _shows(token: str) -> bool:
    header = request.headers.get("Authorization", "").encode("latin-1")
    return hmac.compare_digest(header, f"Bearer {token}".encode())

"""What tells that the service is there."""
from __future__ import annotations

from flask import Blueprint, Response, jsonify

service = Blueprint("presence_service", __name__)


@service.get("/")
def root() -> Response:
    """The vendor's set-up page tests TLS with this."""
    return jsonify(service="presence-receiver")

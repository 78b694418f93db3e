"""Assembly: settings, writer and blueprints become a Flask application, our own or someone else's.

Opens no file and starts no thread, since gunicorn may fork afterwards.
"""
from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from presence_receiver import config
from presence_receiver.as_sent import AS_SENT, AsSent
from presence_receiver.log_limit import LimitedLog
from presence_receiver.metrics import Metrics
from presence_receiver.monitoring import FOLDER_VARIABLE, PrometheusMetrics, Readiness, service
from presence_receiver.receiver import EXTENSION, Receiver, Storage
from presence_receiver.senders import Senders
from presence_receiver.storage import Housekeeping, LastDelivery, Writer
from presence_receiver.turns import Turns
from presence_receiver.webhook import LightFlask, identify, log as webhook_log, webhook

log = logging.getLogger(__name__)


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """Return the receiver as an application of its own; `settings` win over environment variables of the same name."""
    app = LightFlask("presence_receiver", static_folder=None)
    app.config.update(settings or {})
    init_app(app)
    app.register_blueprint(service)
    app.register_error_handler(HTTPException, _http_error)
    return app


def init_app(app: Flask, url_prefix: str | None = None) -> None:
    """Add `POST /presence` to an application; settings are app.config's, then the environment's.

    Each process that serves it calls `app.extensions["presence_receiver"].housekeeping.start()` once, after any fork
    (`server.config` does); without that, files are closed only as lines come, and none is compressed or deleted.
    ConfigError has one argument, a sentence, for each fault in them.
    """
    settings = config.load({**os.environ, **app.config})
    for warning in settings.warnings():
        log.warning(warning)
    webhook_log.addFilter(identify)
    metrics = PrometheusMetrics() if settings.metrics_token else Metrics()
    writer, senders = _storage(settings, metrics), Senders()
    last_delivery = LastDelivery(_folder_of_times(settings), settings.quiet_seconds)
    app.extensions[EXTENSION] = Receiver(
        settings, kept(settings), writer, Housekeeping(settings, metrics, last_delivery), LimitedLog(webhook_log),
        metrics, Readiness(settings, writer, senders, last_delivery), Turns(), senders, last_delivery,
    )
    app.register_blueprint(webhook, url_prefix=url_prefix)


def _storage(settings: config.Settings, metrics: Metrics) -> Storage:
    """Return the bucket where one is set; what it needs is imported only then."""
    if settings.bucket_url:
        from presence_receiver.extras.bucket.writer import BucketWriter

        return BucketWriter(settings.bucket_url, settings.bucket_gather_seconds, metrics)
    return Writer(settings, metrics)


def _folder_of_times(settings: config.Settings) -> Path | None:
    """Return where the last delivery's time is kept; with a bucket, the folder that the workers share till they end."""
    if not settings.bucket_url:
        return settings.data_dir
    return Path(os.environ[FOLDER_VARIABLE]) if os.environ.get(FOLDER_VARIABLE) else None


def kept(settings: config.Settings) -> AsSent:
    """Return what keeps all as it was sent, unless settings say otherwise; what they need is imported only then."""
    if settings.mac_key or settings.drop_fields:
        from presence_receiver.extras.privacy.pseudonyms import Pseudonyms

        return Pseudonyms(settings.mac_key, settings.drop_fields)
    return AS_SENT


def _http_error(error: HTTPException) -> Response:
    """Answer Flask's own errors as JSON, with their headers (Allow)."""
    answer = jsonify(error=_sentence(error))
    answer.status_code = error.code or 500
    answer.headers.extend({name: value for name, value in error.get_headers() if name == "Allow"})
    return answer


def _sentence(error: HTTPException) -> str:
    if isinstance(error, NotFound):
        return "There is nothing at this path; deliveries go to POST /presence."
    if isinstance(error, MethodNotAllowed):
        methods = " and ".join(sorted(error.valid_methods or ()))
        return f"This path takes {methods} alone; deliveries go to POST /presence."
    return error.description or error.name

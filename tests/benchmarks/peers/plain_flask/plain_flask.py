"""The plain way with the same packages: Flask, a marshmallow schema, a rotating log handler for processes."""

import datetime
import hmac
import json
import logging
import os
import pathlib

from concurrent_log_handler import ConcurrentRotatingFileHandler
from flask import Flask, abort, request
from marshmallow import RAISE, Schema, fields, validate

MAC = validate.Regexp(r"[0-9A-Fa-f]{12}\Z")
SECRET = f"Basic {os.environ['PRESENCE_SECRET']}".encode()


class Observation(Schema):
    class Meta:
        unknown = RAISE

    clientMac = fields.String(required=True, validate=MAC)
    ipv4 = fields.String(allow_none=True)
    ipv6 = fields.String(allow_none=True)
    seenTime = fields.String(required=True)
    seenEpoch = fields.Integer(required=True, strict=True)
    ssid = fields.String(allow_none=True)
    rssi = fields.Integer(allow_none=True, strict=True, validate=validate.Range(-128, 127))
    manufacturer = fields.String(allow_none=True)
    os = fields.String(allow_none=True)
    lat = fields.Float(allow_none=True, validate=validate.Range(-90, 90))
    lng = fields.Float(allow_none=True, validate=validate.Range(-180, 180))
    unc = fields.Float(allow_none=True, validate=validate.Range(0))
    x = fields.Float(allow_none=True)
    y = fields.Float(allow_none=True)


class Report(Schema):
    ownerId = fields.Integer(required=True)
    apMac = fields.String(required=True, validate=MAC)
    observations = fields.List(fields.Nested(Observation), required=True)


def presence_log():
    path = pathlib.Path(os.environ["PRESENCE_DATA_DIR"], "presence.jsonl")
    handler = ConcurrentRotatingFileHandler(path, maxBytes=100_000_000, backupCount=100)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("presence")
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    log.propagate = False
    return log


app = Flask(__name__)
reports_schema = Report(many=True)
log = presence_log()


@app.post("/presence")
def receive():
    if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), SECRET):
        abort(401)
    received_at = datetime.datetime.now(datetime.timezone.utc).isoformat()
    return {"accepted": sum(log_report(report, received_at) for report in reports_schema.load(request.json))}


def log_report(report, received_at):
    first = {"receivedAt": received_at, "ownerId": report["ownerId"], "apMac": report["apMac"]}
    for observation in report["observations"]:
        log.info(json.dumps(first | observation))
    return len(report["observations"])

"""The receiver's own calls that `parts` measures, in one place: change them here when they change there."""

import pathlib

RECEIVED_AT = "2026-11-22T20:15:00.123456Z"


def decode_body(body: bytes):
    """What the receiver decodes before it judges."""
    from presence_receiver.validation import reports
    from presence_receiver.budgets import Budget
    return reports.reports(body, Budget())


def judge_body(body: bytes) -> bytes:
    """Decode, judge and encode one delivery: its lines as they go to the file."""
    from presence_receiver.validation.judge import judge_delivery
    return judge_delivery(body, RECEIVED_AT).lines


def appender(folder: pathlib.Path, is_synced: bool, commits: list | None = None):
    """A function that appends a delivery's lines the way the receiver does; each commit's size goes to `commits`."""
    from presence_receiver import config
    from presence_receiver.metrics import Metrics
    from presence_receiver.storage.writer import Writer

    class Counted(Metrics):
        def committed(self, count: int, seconds: float) -> None:
            if commits is not None:
                commits.append(count)

    settings = {"PRESENCE_SECRET": "benchmark-secret", "PRESENCE_DATA_DIR": str(folder),
                "PRESENCE_FSYNC": str(is_synced).lower()}
    writer = Writer(config.load(settings), Counted())
    return lambda lines: writer.append(lines, b"")


def empty_requests() -> dict:
    """A function for each Flask: a request to an empty view, from the server's call to the answer's bytes."""
    from flask import Flask

    from presence_receiver.webhook import LightFlask
    return {"Flask": asking(Flask("empty")), "LightFlask": asking(LightFlask("empty"))}


def asking(app):
    from werkzeug.test import create_environ
    app.post("/presence")(lambda: app.response_class(b"{}", mimetype="application/json"))
    environ = create_environ("/presence", method="POST", headers={"Authorization": "Basic secret"})

    def ask(_) -> bytes:
        parts = app(environ.copy(), lambda *_: None)
        try:
            return b"".join(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
    return ask


def keeping(key: str | None):
    """What is kept of a delivery: with a key, pseudonyms for addresses."""
    from presence_receiver.as_sent import AS_SENT
    from presence_receiver.extras.privacy.pseudonyms import Pseudonyms
    return Pseudonyms(key, ()) if key else AS_SENT


def judge_keeping(body: bytes, kept) -> bytes:
    """Judge one delivery and keep of it what is to be kept."""
    from presence_receiver.validation.judge import judge_delivery
    return judge_delivery(body, RECEIVED_AT, None, kept).lines

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


def appender(folder: pathlib.Path, is_synced: bool):
    """A function that appends a delivery's lines the way the receiver does."""
    from presence_receiver import config
    from presence_receiver.storage.writer import Writer
    settings = {"PRESENCE_SECRET": "benchmark-secret", "PRESENCE_DATA_DIR": str(folder),
                "PRESENCE_FSYNC": str(is_synced).lower()}
    writer = Writer(config.load(settings))
    return lambda lines: writer.append(lines, b"")

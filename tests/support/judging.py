"""A delivery judged in this process, and what came of it."""
import json

from presence_receiver.validation import judge_delivery

NOW = "2026-11-22T20:15:00.123456Z"
GOOD = {"clientMac": "5CB901642E60", "seenEpoch": 1463828775360}


def judged(body):
    return judge_delivery(body if isinstance(body, bytes) else json.dumps(body).encode(), NOW)


def lines(body):
    return [json.loads(line) for line in judged(body).lines.splitlines()]


def rejected(body):
    return [json.loads(line) for line in judged(body).rejected.splitlines()]


def report(*observations, **fields):
    return {"observations": list(observations), **fields}

"""The receivers that are compared: how each is started, and what it needs that may not be installed.

All get the same environment: PORT, WEB_CONCURRENCY, PRESENCE_SECRET, PRESENCE_DATA_DIR.
"""

import importlib.util
import pathlib
import shutil
import sys
import typing

ROOT = pathlib.Path(__file__).parents[2]
PEERS = pathlib.Path(__file__).parent / "peers"
GUNICORN = [sys.executable, "-m", "gunicorn"]
RECEIVER = [*GUNICORN, "--config", "python:presence_receiver.server.config", "wsgi:app"]
PLAIN_FLASK = [*GUNICORN, "--bind", "127.0.0.1:{port}", "--workers", "{processes}", "plain_flask:app"]
PUMA = [
    "puma", "--workers", "{processes}", "--threads", "5:5", "--bind", "tcp://127.0.0.1:{port}", "config.ru",
]


class Contender(typing.NamedTuple):
    label: str
    command: list[str]
    folder: pathlib.Path
    missing: typing.Callable[[], str | None]
    environment: dict[str, str] = {}

    def arguments(self, port: int, processes: int) -> list[str]:
        return [part.format(port=port, processes=processes) for part in self.command]


def lacks_program(*names: str):
    """A check that names the first program that is not installed."""
    return lambda: next((f"{name} is not installed" for name in names if not shutil.which(name)), None)


def lacks_module(*names: str):
    """A check that names the first Python module that is not installed."""
    return lambda: next((f"{name} is not installed" for name in names if not is_there(name)), None)


def is_there(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def lacks_fastify() -> str | None:
    if not (PEERS / "fastify" / "node_modules" / "fastify").is_dir():
        return "fastify is not installed"
    return lacks_program("node")()


def lacks_receiver() -> str | None:
    is_whole = (ROOT / "wsgi.py").exists() and (ROOT / "presence_receiver" / "gunicorn_config.py").exists()
    return None if is_whole else "wsgi.py or presence_receiver.server.config is missing"


def receiver(label: str, **environment: str) -> Contender:
    return Contender(label, RECEIVER, ROOT, lacks_receiver, environment)


def fastify(label: str, **environment: str) -> Contender:
    return Contender(label, ["node", "server.js"], PEERS / "fastify", lacks_fastify, environment)


CONTENDERS = {
    "plain-flask": Contender(
        "plain Flask way, unsynced", PLAIN_FLASK, PEERS / "plain_flask",
        lacks_module("gunicorn", "flask", "marshmallow", "concurrent_log_handler"),
    ),
    "sinatra": Contender("Sinatra, unsynced", PUMA, PEERS / "sinatra", lacks_program("ruby", "puma")),
    "fastify": fastify("Fastify, unsynced"),
    "fastify-synced": fastify("Fastify, synced", PRESENCE_FSYNC="true"),
    "receiver": receiver("this receiver"),
    "receiver-uncompressed": receiver("this receiver, PRESENCE_COMPRESS=none", PRESENCE_COMPRESS="none"),
    "receiver-unsynced": receiver("this receiver, PRESENCE_FSYNC=false", PRESENCE_FSYNC="false"),
}

"""One JSON object a line on stdout, of gunicorn and of the application alike.

Of a request it keeps what tells where a delivery went: no query, no body, and no header but the router's
request id. Only gunicorn's configuration uses this; an application that is not ours logs as it likes.
"""
from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping
from typing import Any

from gunicorn.glogging import Logger
from pythonjsonlogger.msgspec import MsgspecFormatter

from presence_receiver.log_limit import REQUEST_IDS

_REQUEST_IDS = [f"HTTP_{name.upper().replace('-', '_')}" for name in REQUEST_IDS]
LONGEST = 200
"""Characters of what a sender chose: lines over a pipe's 4 KiB would mix with other workers'."""

CONFIG: dict[str, Any] = {
    "formatters": {"json": {
        "()": "presence_receiver.server.log.JsonFormatter", "fmt": "%(levelname)s %(name)s %(message)s",
        "rename_fields": {"levelname": "level", "name": "logger"}, "timestamp": "time",
    }},
    "handlers": {"stdout": {
        "class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout",
    }},
    "root": {"level": "INFO", "handlers": ["stdout"]},
    "loggers": {name: {"handlers": [], "propagate": True} for name in ("gunicorn.error", "gunicorn.access")},
}


class JsonFormatter(MsgspecFormatter):
    """Escapes what UTF-8 does not carry, as names of files and of settings may."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        try:
            return super().format(record)
        except UnicodeEncodeError:
            message = record.getMessage().encode(errors="backslashreplace").decode()
            return super().format(logging.makeLogRecord(vars(record) | {"msg": message, "args": None}))


class JsonLogger(Logger):
    """gunicorn's logger, with a request's facts as fields of their own."""

    def setup(self, cfg: Any) -> None:
        """Configure logging; what no line of ours shows is not looked up for each, as logging's manual advises."""
        super().setup(cfg)
        logging._srcfile = ""
        logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False

    def access(self, resp: Any, req: Any, environ: Mapping[str, Any],
               request_time: datetime.timedelta) -> None:
        """Log one answered request; of one that gunicorn itself refused, less is known."""
        method, path = environ.get("REQUEST_METHOD", "-"), environ.get("PATH_INFO", "-")[:LONGEST]
        status = int(resp.status.split()[0])
        facts = {
            "method": method, "path": path, "status": status, "bytes": resp.sent or 0,
            "milliseconds": round(request_time.total_seconds() * 1000, 1),
        }
        for name in _REQUEST_IDS:
            if name in environ:
                facts["request_id"] = environ[name][:LONGEST]
                break
        self.access_log.info("%s %s %s", method, path, status, extra=facts)

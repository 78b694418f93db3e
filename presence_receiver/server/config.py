"""What gunicorn runs with, from the Procfile and by every page; a flag on its command line wins.

gunicorn reads PORT and WEB_CONCURRENCY by itself.
"""
from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from typing import Any
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from presence_receiver.config import load
from presence_receiver.errors import ConfigError
from presence_receiver.monitoring import FOLDER_VARIABLE, forget
from presence_receiver.server.log import CONFIG
from presence_receiver.storage import strange_names

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

MEBIBYTE = 1024 * 1024

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
# gunicorn's own workers let one stranger's connection hold up all others.
worker_class = "presence_receiver.server.worker.HttpWorker"
# Of resident memory an idle one took 2 kB, one that stood still within its head up to 31 kB; the limit on descriptors
# may be lower.
worker_connections = 10_000
# Heroku's router keeps idle connections for 90 s: ours must live longer than theirs.
keepalive = 95
# Heroku kills 30 s after SIGTERM; gunicorn needs a few seconds beside this.
graceful_timeout = 20
# Nothing here asks for a proxy's view of scheme or path: no delivery is refused for what a proxy says of them, and
# no sender's address need be looked up.
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
forwarded_allow_ips = "*"
# It lies in HOME, where two receivers would fight for it.
control_socket_disable = True
logger_class = "presence_receiver.server.log.JsonLogger"
logconfig_dict = CONFIG


def on_starting(server: Arbiter) -> None:
    """Check the settings before the first fork: each fault in a line, and no respawning."""
    try:
        settings = load(os.environ)
    except ConfigError as error:
        sys.exit("\n".join(error.args))
    if strange := strange_names(settings.data_dir):
        sys.exit("\n".join(strange))
    os.environ[FOLDER_VARIABLE] = _metrics_folder(settings.data_dir)


def _metrics_folder(data_dir: Path) -> str:
    """Return where workers count, never in the data folder; where that cannot be, they count in memory."""
    data = data_dir.resolve()
    for where in (tempfile.gettempdir(), "/dev/shm", "/var/tmp"):
        if data not in (found := Path(where).resolve(), *found.parents):
            with suppress(OSError):
                return tempfile.mkdtemp(prefix="presence-metrics-", dir=where)
    return "/dev/null/presence-metrics"


def when_ready(server: Arbiter) -> None:
    """Say where the lines go, and what comes next."""
    log: Any = server.log
    log.info("%s", load(os.environ).destination)
    address = server.LISTENERS[0].getsockname()
    port = f":{address[1]}" if isinstance(address, tuple) else ""
    script = os.path.join(os.path.dirname(sys.executable), "presence-cli")
    command = script if os.path.exists(script) else "python -m presence_receiver"
    log.info(
        "Try it with: %s send http://localhost%s/presence. Then let HiveManager post: %s init asks for its credentials "
        "and tells what comes next.", command, port, command)


def post_fork(server: Arbiter, worker: Worker) -> None:
    """Prepare a worker that is about to start."""
    _hear_the_end(server, worker)
    _keep_memory()


def _hear_the_end(server: Arbiter, worker: Worker) -> None:
    """Let no signal to end be lost: until the worker listens by itself, gunicorn's handlers are the arbiter's.

    It would serve on, and be killed with what it has when graceful_timeout is over.
    """
    for each in ENDING:
        signal.signal(each, worker.handle_exit)
    while not server.SIG_QUEUE.empty():
        if server.SIG_QUEUE.get_nowait() in ENDING:
            worker.alive = False


def _keep_memory() -> None:
    """Keep the memory of large bodies and their lines for the next ones, where the C library is glibc.

    Else it goes back to the kernel after each delivery, and getting it anew costs more than reading the body.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL("libc.so.6")
        library.mallopt(M_MMAP_THRESHOLD, 32 * MEBIBYTE)
        library.mallopt(M_TRIM_THRESHOLD, 64 * MEBIBYTE)


def post_worker_init(worker: Worker) -> None:
    """Begin to keep the files in order, in each worker; one of them at a time does it.

    An application that is wrapped in something else has to do this itself.
    """
    extensions = getattr(worker.wsgi, "extensions", {})
    if "presence_receiver" in extensions:
        extensions["presence_receiver"].housekeeping.start()


def child_exit(server: Arbiter, worker: Worker) -> None:
    """Keep what a worker that has ended counted."""
    forget(int(worker.pid))


def on_exit(server: Arbiter) -> None:
    """Take the workers' counts away."""
    shutil.rmtree(os.environ[FOLDER_VARIABLE], ignore_errors=True)

"""Starts one contender on a free loopback port and ends it, with all its processes."""

import contextlib
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import time
import typing

from .contenders import Contender
from .deliveries import SECRET

START_SECONDS = 30


class Server(typing.NamedTuple):
    process: subprocess.Popen
    port: int
    data: pathlib.Path


@contextlib.contextmanager
def started(contender: Contender, folder: pathlib.Path, processes: int):
    """A running server whose data lie in `folder`/data.

    At the end it is killed, so that what it had only promised to write is missing from the files.
    """
    data, port = folder / "data", free_port()
    data.mkdir(exist_ok=True)
    process = launch(contender, folder, port, processes)
    try:
        wait_until_answers(process, port, folder / "server.log")
        yield Server(process, port, data)
    finally:
        end(process)


def launch(contender: Contender, folder: pathlib.Path, port: int, processes: int) -> subprocess.Popen:
    """Its own session, so that its processes are found and ended together; its own HOME."""
    with open(folder / "server.log", "wb") as log:
        return subprocess.Popen(
            contender.arguments(port, processes), cwd=contender.folder, start_new_session=True,
            env=environment(contender, folder, port, processes),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def environment(contender: Contender, folder: pathlib.Path, port: int, processes: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "PORT": str(port),
        "WEB_CONCURRENCY": str(processes),
        "PRESENCE_SECRET": SECRET,
        "PRESENCE_DATA_DIR": str(folder / "data"),
        "RACK_ENV": "production",
        "NODE_ENV": "production",
        **contender.environment,
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_until_answers(process: subprocess.Popen, port: int, log: pathlib.Path) -> None:
    until = time.monotonic() + START_SECONDS
    while not answers(port):
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit(f"The server did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return bool(connection.getresponse().status)
    except OSError:
        return False
    finally:
        connection.close()


def end(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

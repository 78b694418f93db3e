"""Real nats-server processes on loopback: one, or three that form a cluster; and a collector beside them."""
import http.client
import json
import shutil
import signal
import subprocess
import sys

from running import environment, free_port, wait_until

PROGRAM = "nats-server"


class NatsServer:
    """One server with a folder of its own; its monitor port tells how it is."""

    def __init__(self, folder, name="n1", port=None, cluster_port=None, routes=(), more=()):
        self.folder, self.name = folder / name, name
        self.port, self.monitor = port or free_port(), free_port()
        self._cluster = ["-cluster_name", "c", "-cluster", f"nats://127.0.0.1:{cluster_port}",
                         "-routes", ",".join(f"nats://127.0.0.1:{each}" for each in routes)] if cluster_port else []
        self._more = list(more)
        self.url = f"nats://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        self.folder.mkdir(exist_ok=True)
        command = [shutil.which(PROGRAM), "-n", self.name, "-a", "127.0.0.1", "-p", str(self.port), "-js",
                   "-sd", str(self.folder / "store"), "-m", str(self.monitor), *self._cluster, *self._more]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, how=signal.SIGKILL):
        if self.process:
            self.process.send_signal(how)
            self.process.wait(10)

    def ask(self, path):
        """An answer of the monitor; None while there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.monitor, timeout=2)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def is_ready(self):
        found = self.ask("/healthz")
        return found is not None and found.get("status") == "ok"


def cluster(folder):
    """Three servers that know each other, not yet started."""
    ports = [free_port() for _ in range(3)]
    return [NatsServer(folder, f"n{number}", cluster_port=port, routes=[each for each in ports if each != port])
            for number, port in enumerate(ports, 1)]


def leader(servers, stream="presence"):
    """The server that leads the stream; None while they elect one."""
    for server in servers:
        found = server.ask("/jsz?streams=true") or {}
        for account in found.get("account_details", []):
            for each in account.get("stream_detail", []):
                name = each.get("cluster", {}).get("leader")
                if each["name"] == stream and name:
                    return next((server for server in servers if server.name == name), None)
    return None


class Collector:
    """presence-cli collect in a process of its own."""

    def __init__(self, folder, log, **settings):
        self.folder, self.log = folder, log
        self._environment = environment(folder, **settings)
        self.process = None

    def start(self):
        command = [sys.executable, "-c", "from presence_receiver.cli.main import main; main()", "collect"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        return self

    def stop(self, how=signal.SIGTERM):
        """Its exit status."""
        self.process.send_signal(how)
        return self.process.wait(20)

    def text(self):
        return self.log.read_text()


def wait_until_ready(servers):
    for server in servers:
        wait_until(server.is_ready, what=f"{server.name} to be ready")

"""A real Ceph on loopback: a monitor, three storage daemons and two gateways that speak S3, killed one by one."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import uuid

from buckets import KEYS
from running import free_port, wait_until

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph")
OSDS, GATEWAYS = 3, 2
CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{port}]
public network = 127.0.0.0/8
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
log file = {folder}/log/$name.log
mon cluster log file = {folder}/log/cluster.log
mon data = {folder}/mon
mon data avail crit = 0
mon max pg per osd = 2000
mon osd min down reporters = 1
mon osd adjust heartbeat grace = false
osd pool default size = 3
osd pool default min size = 2
osd pool default pg num = 4
osd pool default pg autoscale mode = off
rgw rados pool pg num min = 4
osd crush chooseleaf type = 0
osd crush initial weight = 1
osd data = {folder}/osd.$id
osd heartbeat interval = 1
osd heartbeat grace = 4
osd class load list = *
osd class default list = *
bluestore block size = 2147483648
bluestore cache size = 33554432
bluestore cache autotune = false
rgw thread pool size = 32
"""


class Ceph:
    """All its daemons in one folder; each can be killed and started again by its name."""

    def __init__(self, folder):
        self._folder = folder
        self.ports = [free_port() for _ in range(GATEWAYS)]
        self._fsid, self._port = str(uuid.uuid4()), free_port()
        self._processes = {}
        self.osds = [f"osd.{number}" for number in range(OSDS)]
        self.gateways = [f"rgw.{number}" for number in range(GATEWAYS)]

    @staticmethod
    def missing():
        """The first program that is not installed."""
        return next((program for program in PROGRAMS if not shutil.which(program)), None)

    def make(self):
        """Start it for the first time, with a user whose keys are KEYS."""
        for name in ("mon", "log", "run"):
            (self._folder / name).mkdir(parents=True)
        (self._folder / "ceph.conf").write_text(
            CONFIGURATION.format(folder=self._folder, fsid=self._fsid, port=self._port))
        monmap = str(self._folder / "monmap")
        self._run("monmaptool", "--create", "--fsid", self._fsid, "--addv", "a", f"[v2:127.0.0.1:{self._port}]", monmap)
        self._run("ceph-mon", "--id", "a", "--mkfs", "--monmap", monmap, "--keyring", "/dev/null")
        (self._folder / "mon" / "keyring").touch()
        self.start("mon")
        for number, name in enumerate(self.osds):
            self._make_osd(number, name)
        self._run("radosgw-admin", "user", "create", "--uid", "t", "--display-name", "t", "--access-key",
                  KEYS["AWS_ACCESS_KEY_ID"], "--secret-key", KEYS["AWS_SECRET_ACCESS_KEY"])
        for name in self.gateways:
            self.start(name)
        wait_until(self.answers, 60, "the gateways to answer")
        return self

    def _make_osd(self, number, name):
        identity = str(uuid.uuid4())
        (self._folder / name).mkdir()
        self._run("ceph", "osd", "new", identity, str(number))
        self._run("ceph-osd", "--id", str(number), "--mkfs", "--osd-uuid", identity, "--no-mon-config")
        self.start(name)

    def _run(self, *command):
        with (self._folder / "log" / "commands").open("ab") as log:
            subprocess.run(command, env=self._environment, stdout=log, stderr=log, check=True, timeout=120)

    @property
    def _environment(self):
        return os.environ | {"CEPH_CONF": str(self._folder / "ceph.conf")}

    def _command(self, name):
        kind, _, number = name.partition(".")
        if kind == "mon":
            return ["ceph-mon", "--id", "a"]
        if kind == "osd":
            return ["ceph-osd", "--id", number]
        frontend = f"beast endpoint=127.0.0.1:{self.ports[int(number)]}"
        return ["radosgw", "-n", f"client.rgw.{number}", "--rgw-frontends", frontend]

    def start(self, name):
        with (self._folder / "log" / f"{name}.out").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*self._command(name), "-f"], env=self._environment, stdout=log, stderr=log, start_new_session=True)

    def kill(self, name):
        process = self._processes[name]
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.wait(20)

    def kill_all(self):
        for name in reversed(self._processes):
            self.kill(name)

    def start_all(self):
        for name in [*self._processes]:
            self.start(name)
        wait_until(self.answers, 90, "the gateways to answer")

    def puts(self):
        """How many PUTs of objects the first gateway has had since it was started; it counts by itself."""
        socket = self._folder / "run" / "client.rgw.0.asok"
        told = subprocess.run(["ceph", "--admin-daemon", str(socket), "perf", "dump"], env=self._environment,
                              capture_output=True, check=True, timeout=60)
        return json.loads(told.stdout)["rgw"]["put"]

    def answers(self):
        """Whether all gateways take connections."""
        for port in self.ports:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                return False
        return True

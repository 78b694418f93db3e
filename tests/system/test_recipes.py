"""What the pages show, run or parsed: reading the lines, and where the receiver runs."""
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import tomllib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests
import yaml

from certificates import Certificate
from deployment import ROOT, SECRET, run, running
from running import wait_until
from presence_receiver import __version__
from presence_receiver.storage import reader

PROGRAMS = f"{os.environ['PATH']}:/usr/sbin"
PAGE = ROOT / "presence_receiver" / "storage" / "README.rst"
PRESETS = ROOT / "presence_receiver" / "server" / "presets"
COMMAND = (ROOT / "Procfile").read_text().removeprefix("web: ").strip()


def needs(program):
    """Skip a test where a program is not installed that pip cannot bring; `.ci/run` installs it."""
    return pytest.mark.skipif(not shutil.which(program, path=PROGRAMS), reason=f"{program} is not installed")


def code(language):
    """Return the page's code blocks of a language."""
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:    .*\n|\n)+)", PAGE.read_text(), re.MULTILINE)
    return [textwrap.dedent(block).strip() for block in found]


def shown(name):
    """Return the file that follows its name in the page."""
    found = re.search(rf"``{re.escape(name)}``::\n\n((?:    .*\n|\n)+)", PAGE.read_text())
    return textwrap.dedent(found[1]).strip() + "\n"


def preset(name):
    return (PRESETS / name).read_text()


def recipe(language, word):
    [found] = [block for block in code(language) if word in block]
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which a receiver has put lines into data, in closed files too."""
    folder = tmp_path_factory.mktemp("recipes")
    with running(folder, PRESENCE_ROTATE_BYTES="60000") as receiver:
        wait_until(lambda: simulated(receiver) and [*receiver.data.glob("presence-*")], seconds=60)
    return folder


def simulated(receiver):
    """A second's deliveries, which on a busy machine may be few."""
    return run("simulate", receiver.url, "--aps", 5, "--devices", 10, "--speed", 1200, "--duration", 1, "--bad", 0.1)


def lines(place, stem="presence"):
    return [json.loads(line) for line in reader.stored_lines(place / "data", stem)]


def shell(script, place):
    environment = {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}", "HOME": str(place),
                   "TERM": "xterm"}
    ran = subprocess.run(["bash", "-c", script], cwd=place, env=environment, capture_output=True, text=True,
                         timeout=60)
    told = [line for line in ran.stderr.splitlines() if not line.startswith("✔ installed")]
    assert (ran.returncode, told) == (0, [])
    return ran.stdout


@needs("jq")
def test_following_with_jq(place):
    process = subprocess.Popen(["bash", "-c", recipe("bash", "tail -F").replace("jq ", "jq --unbuffered ")],
                               cwd=place, stdout=subprocess.PIPE, start_new_session=True)
    try:
        poll = select.poll()
        poll.register(process.stdout, select.POLLIN)
        assert poll.poll(20_000)
        fields = process.stdout.readline().decode().rstrip("\n").split("\t")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        process.stdout.close()
    [first] = [line for line in lines(place) if line["clientMac"] == fields[2] and line["receivedAt"] == fields[0]]
    assert fields == [first["receivedAt"], first["apMac"], first["clientMac"], str(first["rssi"]),
                      first["ssid"] or ""]


@needs("jq")
def test_devices_that_were_near_with_jq(place):
    near = {line["clientMac"] for line in lines(place) if line["rssi"] > -60}
    assert shell(recipe("bash", "rssi > -60"), place).split() == sorted(near)


@needs("jq")
def test_reasons_with_jq(place):
    said = shell(recipe("bash", "uniq -c"), place)
    assert sum(int(line.split()[0]) for line in said.splitlines()) == len(lines(place, "rejected")) > 0
    assert '["Not a valid MAC address."]' in said


def test_duckdb(place):
    said = shell(f"python3 - <<'EOF'\n{recipe('python', 'duckdb')}\nEOF", place)
    assert {line["apMac"] for line in lines(place)} == set(re.findall("C413E2[0-9A-F]{6}", said))


def test_pandas(place):
    said = shell(f"python3 - <<'EOF'\n{recipe('python', 'pandas')}\nEOF", place)
    active = [json.loads(line) for line in (place / "data" / "presence.jsonl").read_text().splitlines()]
    counts = [int(line.split()[-1]) for line in said.splitlines() if re.match(r"\d{4}-", line)]
    assert max(counts) <= len({line["clientMac"] for line in active}) <= sum(counts)


@needs("lnav")
def test_lnav(place):
    (place / "presence_log.json").write_text(shown("presence_log.json"))
    said = shell(recipe("bash", "lnav"), place)
    active = [json.loads(line) for line in (place / "data" / "presence.jsonl").read_text().splitlines()]
    devices = {mac: len({line["clientMac"] for line in active if line["apMac"] == mac})
               for mac in {line["apMac"] for line in active}}
    found = dict(re.findall(r"(C413E2[0-9A-F]{6})\W+(\d+)", said))
    assert found == {mac: str(count) for mac, count in devices.items()}


def test_the_procfile_with_honcho(tmp_path):
    honcho = shutil.which("honcho", path=os.path.dirname(sys.executable))
    environment = {"PATH": f"{os.path.dirname(sys.executable)}:/usr/bin:/bin", "HOME": str(tmp_path),
                   "PRESENCE_SECRET": SECRET, "PRESENCE_DATA_DIR": str(tmp_path / "data"),
                   "GUNICORN_CMD_ARGS": "--bind 127.0.0.1:0", "PYTHONUNBUFFERED": "1"}
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen([honcho, "-f", str(ROOT / "Procfile"), "start"], cwd=ROOT, env=environment,
                                   stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        said = wait_until(lambda: re.search(r"Listening at: (\S+) \(", (tmp_path / "output").read_text()))
        assert run("send", f"{said[1]}/presence").code == 0
    finally:
        process.terminate()
        process.wait(30)
    assert (tmp_path / "data" / "presence.jsonl").exists()


def test_the_deploying_page_links_every_preset():
    page = (PRESETS.parent / "README.rst").read_text()
    assert set(re.findall(r"<presets/([\w.-]+)>", page)) == {path.name for path in PRESETS.iterdir()}


def test_app_json():
    app = json.loads(preset("app.json"))
    assert app["env"].keys() == {"PRESENCE_SECRET", "WEB_CONCURRENCY"}
    assert app["healthchecks"]["web"][0]["path"] == "/healthz"


def instructions():
    """What the Dockerfile says, by instruction."""
    found = {}
    for line in preset("Dockerfile").replace("\\\n", " ").splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            found.setdefault(name, []).append(rest)
    return found


def test_dockerfile(tmp_path):
    """No image is built, since that needs a registry; what it copies is there, and what it runs is run."""
    said = instructions()
    sources = [word for line in said["COPY"] for word in line.split()[:-1]]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert not {".", ".env", "data"} & {*sources}
    assert (said["USER"], said["VOLUME"], said["EXPOSE"]) == (["presence"], ["/data"], ["8000"])
    assert json.loads(said["CMD"][0]) == COMMAND.split()
    copied = tmp_path / "app"
    copied.mkdir()
    for source in sources:
        (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, copied / source)
    variables = dict(word.split("=") for word in said["ENV"][0].split()) | {"PRESENCE_DATA_DIR": str(tmp_path / "data")}
    with running(tmp_path, **variables) as receiver:
        check = json.loads(said["HEALTHCHECK"][0].partition("CMD ")[2])
        script = check[-1].replace("http://127.0.0.1:8000", receiver.base)
        assert script != check[-1] and subprocess.run([sys.executable, *check[1:-1], script]).returncode == 0
    packed = subprocess.run([sys.executable, "setup.py", "-q", "--version"], cwd=copied, capture_output=True, text=True)
    assert packed.stdout.strip() == __version__


def test_compose():
    services = yaml.safe_load(preset("compose.yaml"))["services"]
    receiver, caddy = services["receiver"], services["caddy"]
    context = (PRESETS / receiver["build"]["context"]).resolve()
    assert (context, (context / receiver["build"]["dockerfile"]).read_text()) == (ROOT, preset("Dockerfile"))
    assert receiver["volumes"] == ["presence:/data"] and caddy["command"].endswith("--to receiver:8000")
    assert [*receiver["environment"]] == ["PRESENCE_SECRET"]


def test_platforms_run_what_the_procfile_says():
    render = yaml.safe_load(preset("render.yaml"))["services"][0]
    railway = json.loads(preset("railway.json"))["deploy"]
    assert (render["startCommand"], railway["startCommand"]) == (COMMAND, COMMAND)
    assert (render["healthCheckPath"], railway["healthcheckPath"]) == ("/healthz", "/healthz")
    assert {"key": "PRESENCE_DATA_DIR", "value": render["disk"]["mountPath"]} in render["envVars"]


def test_fly():
    fly = tomllib.loads(preset("fly.toml"))
    assert (fly["kill_signal"], fly["kill_timeout"]) == ("SIGTERM", "30s")
    assert fly["env"]["PRESENCE_DATA_DIR"] == fly["mounts"]["destination"]
    assert fly["env"]["PORT"] == str(fly["http_service"]["internal_port"])


@needs("systemd-analyze")
def test_systemd(tmp_path):
    unit = preset("presence-receiver.service")
    assert COMMAND.removesuffix(" wsgi:app") in unit
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "gunicorn").symlink_to(shutil.which("true"))
    path = tmp_path / "presence-receiver.service"
    path.write_text(unit.replace("/srv/presence-receiver", str(tmp_path)))
    (tmp_path / "presence-receiver.socket").write_text(preset("presence-receiver.socket"))
    ran = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True)
    assert (ran.returncode, [line for line in ran.stderr.splitlines() if "presence-receiver" in line]) == (0, [])


def test_what_comes_while_the_unit_is_restarted_waits_at_its_socket(tmp_path):
    """As systemd starts it: the socket is descriptor 3, and stays open between two receivers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/presence"
        with unit(tmp_path, listening.fileno()):
            assert run("send", url).code == 0
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(requests.post, url, b"[]", headers={"Authorization": f"Basic {SECRET}"}, timeout=60)
            with unit(tmp_path, listening.fileno()):
                assert waiting.result(60).json() == {"accepted": 0, "rejected": 0}


@contextmanager
def unit(folder, descriptor):
    """A receiver that inherits its socket, ended as systemd ends it."""
    environment = {**os.environ, "PRESENCE_SECRET": SECRET, "PRESENCE_DATA_DIR": str(folder / "data"),
                   "HOME": str(folder), "LISTEN_FDS": "1"}
    command = f"exec 3<&{descriptor}; LISTEN_PID=$$ exec {sys.executable} -m {COMMAND}"
    with (folder / "output").open("ab") as output:
        process = subprocess.Popen(["bash", "-c", command], cwd=ROOT, env=environment, stdout=output, stderr=output,
                                   pass_fds=[descriptor])
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(30) == 0


@needs("nginx")
def test_nginx_in_front_of_a_receiver(tmp_path):
    root = Certificate("Root", is_authority=True)
    leaf = Certificate("localhost", root)
    for name, content in (("root.pem", root.pem), ("fullchain.pem", leaf.pem), ("privkey.pem", leaf.private)):
        (tmp_path / name).write_bytes(content)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folders = " ".join(f"{name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with running(tmp_path) as receiver:
        server = preset("nginx.conf").replace("listen 443", f"listen 127.0.0.1:{port}").replace(
            "/etc/letsencrypt/live/presence.example.org", str(tmp_path)).replace(
            "http://127.0.0.1:8000", receiver.base)
        (tmp_path / "nginx.conf").write_text(
            f"daemon off; pid {tmp_path}/pid; error_log stderr;\nevents {{}}\n"
            f"http {{ access_log off; {folders}\n{server}}}\n")
        with proxy(tmp_path, port):
            requests.get(f"https://localhost:{port}/", verify=str(tmp_path / "root.pem")).raise_for_status()
            bundle = {"REQUESTS_CA_BUNDLE": str(tmp_path / "root.pem")}
            assert run("send", f"https://localhost:{port}/presence", **bundle).code == 0
            ran = run("doctor", f"https://localhost:{port}/presence", **bundle)
            assert (ran.code, "✓ Certificate" in ran.out.splitlines()) == (0, True), ran.out
    assert all("request_id" in entry for entry in receiver.log if entry["logger"] == "gunicorn.access")


class proxy:
    """nginx, from its configuration in a folder."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port

    def __enter__(self):
        nginx = shutil.which("nginx", path=PROGRAMS)
        self.process = subprocess.Popen([nginx, "-p", self.folder, "-c", self.folder / "nginx.conf"])
        wait_until(self.answers)

    def answers(self):
        assert self.process.poll() is None
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

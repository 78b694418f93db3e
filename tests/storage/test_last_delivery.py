"""When the last delivery came: a hidden file's time. No link, no hung disk and no full one turns it against us."""
import logging
import os
import stat
import threading
import time

import pytest
from running import AUTHORIZED, wait_until

from presence_receiver import create_app
from presence_receiver.config import load
from presence_receiver.storage import Housekeeping, LastDelivery, last_delivery, thread_pool

HOUR = 3600


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def mark(folder, seconds_ago, name=last_delivery.NAME):
    """As if the last delivery had come so long ago."""
    folder.mkdir(exist_ok=True)
    (folder / name).touch()
    os.utime(folder / name, (time.time() - seconds_ago,) * 2)


def test_a_delivery_is_known_to_another_process_and_after_a_restart(data):
    ours, theirs = LastDelivery(data), LastDelivery(data)
    assert (ours.at(), ours.seconds()) == (None, None)
    ours.note()
    assert theirs.seconds() < 60 and LastDelivery(data).at() == pytest.approx(ours.at(), abs=1e-3)
    assert stat.S_IMODE((data / ".last-delivery").stat().st_mode) == 0o640


def test_it_is_touched_once_in_ten_seconds(data, monkeypatch):
    touched = []
    monkeypatch.setattr(last_delivery, "_stamp", lambda *args: touched.append(args))
    last, now = LastDelivery(data), time.monotonic()
    for seconds in (0, 0.1, 9.9, 10.1, 10.2):
        monkeypatch.setattr(time, "monotonic", lambda: now + seconds)
        last.note()
    assert len(touched) == 2


def test_a_disk_that_hangs_delays_no_delivery_and_takes_one_thread(data, monkeypatch):
    hung, is_well = [], threading.Event()

    def start(work, done):
        hung.append(threading.Thread(target=lambda: (is_well.wait(20), work(True), done())))
        hung[-1].start()

    monkeypatch.setattr(thread_pool, "start", start)
    monkeypatch.setattr(last_delivery, "SECONDS", 0)
    last = LastDelivery(data)
    for _ in range(3):
        last.note()
    assert len(hung) == 1 and last.seconds() < 60
    is_well.set()
    hung[0].join()
    last.note()
    hung[1].join()
    assert len(hung) == 2 and LastDelivery(data).seconds() < 60


@pytest.mark.parametrize("what", ["folder is a file", "no room"])
def test_where_it_cannot_be_written_a_delivery_goes_on(data, what, monkeypatch):
    if what == "no room":
        monkeypatch.setattr(last_delivery, "FLAGS", os.O_WRONLY)  # and no such file
    else:
        data.write_text("")
    last = LastDelivery(data)
    last.note()
    assert last.seconds() < 60 and LastDelivery(data).at() is None


def test_a_link_is_not_followed(data):
    data.mkdir()
    target = data.parent / "target"
    mark(data.parent, HOUR, "target")
    (data / ".last-delivery").symlink_to(target)
    assert LastDelivery(data).at() is None
    LastDelivery(data).note()
    assert time.time() - target.stat().st_mtime > HOUR - 60
    assert not (data / ".last-delivery").is_symlink() and LastDelivery(data).seconds() < 60


def test_what_root_makes_is_the_receivers(data):
    if os.geteuid() != 0:
        pytest.skip("This needs root.")
    mark(data, 0, ".presence.lock")
    os.chown(data / ".presence.lock", 65534, 65534)
    LastDelivery(data).note()
    found = (data / ".last-delivery").stat()
    assert (found.st_uid, found.st_gid) == (65534, 65534)


@pytest.mark.parametrize(["body", "headers", "status", "is_noted"], [
    (b'[{"observations": [{"clientMac": "5CB901642E60", "seenEpoch": 1}]}]', AUTHORIZED, 200, True),
    (b"[]", AUTHORIZED, 200, True),
    (b"[{}]", AUTHORIZED, 422, True),
    (b"{", AUTHORIZED, 400, True),
    (b"[]", AUTHORIZED | {"Content-Encoding": "br"}, 415, True),
    (b"[]", {}, 401, False),
])
def test_every_verified_delivery_counts_and_no_other(data, body, headers, status, is_noted):
    client = create_app({"PRESENCE_SECRET": "hunter22", "PRESENCE_DATA_DIR": data}).test_client()
    assert client.post("/presence", data=body, headers=headers).status_code == status
    assert (LastDelivery(data).at() is not None) == is_noted


def test_silence_is_told_once_by_all_workers_together_and_so_is_its_end(data, caplog):
    caplog.set_level(logging.INFO)
    mark(data, HOUR)
    workers = [LastDelivery(data, quiet_seconds=900) for _ in range(3)]
    assert [worker.is_quiet() for worker in workers] == [True] * 3
    for worker in workers * 2:
        worker.look()
    restarted = LastDelivery(data, quiet_seconds=900)
    restarted.look()
    workers[1].note()
    for worker in [restarted, *workers] * 2:
        worker.look()
    assert caplog.messages == [
        "No delivery has come for 3600 s, and PRESENCE_QUIET_SECONDS is 900: see presence-cli list and "
        "presence-cli doctor.",
        "A delivery has come again, after 3600 s without one."]
    assert [path.name for path in data.iterdir()] == [".last-delivery"]


def test_a_start_counts_as_a_delivery_where_none_is_known(data):
    assert not LastDelivery(data, quiet_seconds=900).is_quiet()
    mark(data, HOUR)
    assert LastDelivery(data, quiet_seconds=900).is_quiet() and not LastDelivery(data, quiet_seconds=4000).is_quiet()
    assert not LastDelivery(data).is_quiet()


def test_housekeeping_looks(data, caplog):
    mark(data, HOUR)
    settings = load({"PRESENCE_SECRET": "hunter22", "PRESENCE_DATA_DIR": str(data)})
    Housekeeping(settings, last_delivery=LastDelivery(data, quiet_seconds=900)).run_round()
    assert (data / ".quiet").exists() and len(caplog.messages) == 1


def test_workers_and_a_restart_tell_it_once(start, tmp_path):
    mark(tmp_path / "data", HOUR)
    one = start(QUIET_SECONDS=900)
    warning = "No delivery has come for longer than PRESENCE_QUIET_SECONDS allows."
    assert one.request("GET", "/readyz").json == {"status": "ready", "warnings": [warning]}
    wait_until(lambda: "PRESENCE_QUIET_SECONDS is 900" in one.text())
    one.stop()
    other = start(QUIET_SECONDS=900)
    assert other.post(b"[]").status == 200
    assert other.request("GET", "/readyz").json == {"status": "ready", "warnings": []}
    assert one.text().count("PRESENCE_QUIET_SECONDS is 900") == 1
    assert other.text().count("PRESENCE_QUIET_SECONDS is 900") == 0


def test_readyz_tells_the_age_to_those_who_show_the_secret_or_the_token(data):
    app = create_app({"PRESENCE_SECRET": "hunter22", "PRESENCE_PREVIOUS_SECRET": "hunter21",
                      "PRESENCE_METRICS_TOKEN": "the-token", "PRESENCE_DATA_DIR": data})
    mark(data, HOUR)

    def told(*shown):
        return app.test_client().get("/readyz", headers={"Authorization": each for each in shown}).json

    for shown in ("hunter22", "hunter21", "the-token"):
        found = told(f"Bearer {shown}")
        assert HOUR <= found.pop("secondsSinceDelivery") < HOUR + 60
        assert found == {"status": "ready", "warnings": []}
    for strange in ([], ["Bearer None"], ["Bearer "], ["Bearer hunter2"], ["hunter22"]):
        assert told(*strange) == {"status": "ready", "warnings": []}
    (data / ".last-delivery").unlink()
    assert told("Bearer hunter22")["secondsSinceDelivery"] is None


def test_with_a_bucket_the_workers_share_a_folder_that_ends_with_them(data, tmp_path, monkeypatch):
    settings = {"PRESENCE_SECRET": "hunter22", "PRESENCE_DATA_DIR": data, "PRESENCE_BUCKET_URL": "s3://presence"}

    def made():
        return create_app(settings).extensions["presence_receiver"].last_delivery

    alone = made()
    alone.note()
    assert alone.seconds() < 60 and not data.exists()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "shared"))
    one, other = made(), made()
    one.note()
    assert other.seconds() < 60 and [path.name for path in (tmp_path / "shared").iterdir()] == [".last-delivery"]
    assert not data.exists()

"""The files in which workers count, deleted by a cleaner or on a full filesystem; real workers."""
import os
import shutil
import signal
import subprocess
from contextlib import suppress

import pytest
import requests
from running import wait_until
from sending import delivery

from presence_receiver.monitoring import pages, parsed

TOKEN = "metrics-token-1"


def counted(one):
    found = requests.get(f"http://127.0.0.1:{one.port}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert found.status_code == 200
    return parsed(found.text).get('presence_deliveries_total{status="200"}')


def counts_in(folder):
    """Whatever workers count in, anywhere in the folder."""
    return [path for path in folder.rglob("*") if "metrics" in path.name or path.suffix == ".db"]


def fill(path):
    """Take what room there is, to the last page."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def kill_a_worker(one):
    before = one.workers()
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: len(one.workers()) == len(before) and before[0] not in one.workers(), what="a new worker")
    wait_until(lambda: one.post(delivery(99, 1)).status == 200)


def test_whoever_adds_up_meets_no_empty_file(tmp_path, monkeypatch):
    real, seen = os.posix_fallocate, []

    def looking(*args):
        seen.extend(path.stat().st_size for path in tmp_path.glob("*.db"))
        real(*args)

    monkeypatch.setattr(os, "posix_fallocate", looking)
    pages.Pages(str(tmp_path / "counter_1.db")).close()
    assert seen == [] and [path.name for path in tmp_path.iterdir()] == ["counter_1.db"]


@pytest.mark.slow
def test_a_folder_that_a_cleaner_deleted_is_made_anew_with_what_was_counted(start, tmp_path):
    (tmp_path / "tmp").mkdir()
    one = start(workers=1, variables={"TMPDIR": str(tmp_path / "tmp")}, METRICS_TOKEN=TOKEN)
    for number in range(5):
        assert one.post(delivery(number, 1)).status == 200
    assert counted(one) == 5
    [folder] = tmp_path.glob("tmp/presence-metrics-*")
    shutil.rmtree(folder)
    assert counted(one) == 5
    shutil.rmtree(folder)
    kill_a_worker(one)
    assert counted(one) >= 1
    assert "Traceback" not in one.text()


@pytest.mark.slow
def test_on_a_full_filesystem_workers_count_in_memory(start, tmp_path):
    disk = tmp_path / "tmp"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mount is not permitted on this machine")
    try:
        one = start(workers=2, variables={"TMPDIR": str(disk)}, METRICS_TOKEN=TOKEN)
        before = wait_until(lambda: len(found := one.workers()) == 2 and found, what="both workers")
        assert len([*disk.glob("presence-metrics-*/*_*.db")]) > 2
        fill(disk / "ballast")
        for process in before:
            os.kill(process, signal.SIGKILL)
        workers = wait_until(lambda: len(found := one.workers()) == 2 and not {*found} & {*before} and found)
        for number in range(20):
            wait_until(lambda: one.post(delivery(number, 1)).status == 200)
        found = {counted(one) for _ in range(100)} - {None}
        assert 20 in (sum(found), max(found)), found  # one may have found room: who died leaves some
        assert one.workers() == workers
        assert pages.IN_MEMORY in one.text()
        assert not counts_in(one.folder)
    finally:
        one.stop()
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.slow
def test_where_the_temporary_folder_is_the_data_folder_metrics_go_elsewhere(start, tmp_path):
    (tmp_path / "data").mkdir()
    one = start(workers=1, variables={"TMPDIR": str(tmp_path / "data")}, METRICS_TOKEN=TOKEN)
    assert one.post(delivery(1, 1)).status == 200
    assert counted(one) == 1
    assert not counts_in(one.folder)


@pytest.mark.slow
def test_a_broken_file_of_counts_is_nothing(start, tmp_path):
    (tmp_path / "tmp").mkdir()
    one = start(workers=1, variables={"TMPDIR": str(tmp_path / "tmp")}, METRICS_TOKEN=TOKEN)
    assert one.post(delivery(1, 1)).status == 200
    [folder] = tmp_path.glob("tmp/presence-metrics-*")
    (folder / "counter_1.db").write_bytes(b"")
    (folder / "counter_2.db").write_bytes(b"\xff\0\0\0" * 100)
    (folder / "counter_3.db").symlink_to("nowhere")
    assert counted(one) == 1

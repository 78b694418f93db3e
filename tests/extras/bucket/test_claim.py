"""One collector a bucket, and one a folder."""
import os
import subprocess
import sys
from pathlib import Path

import pytest
from objects import ODD, found, once, put
from other_user import NOBODY, give_away, needs_root, reachable_folder
from processes import opened
from running import environment, wait_until

from presence_receiver.errors import Refused
from presence_receiver.extras.bucket.claim import Claim
from presence_receiver.extras.bucket.store import Bucket


def test_a_bucket_has_one_folder(store, collect, folder, tmp_path):
    once(collect, folder)
    refused = once(collect, tmp_path / "other", status=1)
    assert f"The bucket at PRESENCE_BUCKET_URL is collected into {folder} on " in refused
    assert refused.endswith("stop the collector there, then start this one with --take-over.\n")
    put(store, 1)
    once(collect, tmp_path / "other", "--take-over")
    assert found(tmp_path / "other") == [1]
    once(collect, folder, status=1)


@pytest.mark.parametrize("arguments", [[], ["--take-over"]])
@pytest.mark.parametrize("is_ours", [False, True])
def test_a_collector_whose_bucket_was_taken_over_ends(is_ours, arguments, store, collect, folder, tmp_path):
    if is_ours:
        once(collect, folder)
    put(store, 1)
    first = collect(folder, *arguments)
    wait_until(lambda: store.paths() == ["collector.json"] and found(folder), what="the first to begin")
    once(collect, tmp_path / "other", "--take-over")
    assert first.process.wait(30) == 1
    put(store, 2)
    once(collect, tmp_path / "other")
    assert (found(folder), found(tmp_path / "other")) == ([1], [2])


def test_of_two_that_take_over_the_first_obeys(inside, tmp_path):
    bucket = Bucket(inside.url)
    first, second = (Claim(bucket, tmp_path, is_taking_over=True) for _ in range(2))
    for claim, folder in ((first, "first"), (second, "second")):
        assert not claim.is_held(folder)
        claim.take(folder)
    with pytest.raises(Refused):
        first.is_held("first")
    assert second.is_held("second")


def test_a_collector_whose_bucket_is_taken_over_before_its_commit_writes_nothing(
        store, collect, folder, gateway, behind):
    once(collect, folder)
    put(store, 1)
    gateway.mode = "held objects"
    first = collect(variables=behind)
    wait_until(lambda: any("GET" in each and "/inbox/" in each for each in gateway.requests), what="it to fetch")
    store.put("collector.json", b'{"folder": "another", "where": "/data on another"}')
    gateway.mode = "good"
    assert first.process.wait(30) == 1
    assert "The bucket at PRESENCE_BUCKET_URL is collected into /data on another: stop the collector " in first.text()
    assert (found(folder), len(store.objects())) == ([], 1)


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b'{"folder": "x"}', b"\xff", b"[" * 200_000])
def test_a_claim_that_no_collector_wrote(content, store, collect, folder):
    store.put("collector.json", content)
    put(store, 1)
    text = once(collect, folder, status=1)
    assert text.endswith(f"Error: {ODD}\n") and found(folder) == []
    once(collect, folder, "--take-over")
    assert found(folder) == [1]


def test_a_collector_that_waits_for_its_turn_can_be_stopped(store, collect, folder):
    first = collect()
    wait_until(lambda: "collector.json" in store.paths(), what="the first to begin")
    second = collect()
    wait_until(lambda: ".collect.lock" in locked(second.process.pid), what="the second to wait")
    assert second.stop() != 0
    assert first.stop() == 0


def locked(process):
    """The names of the files that a process has open."""
    return [Path(each).name for each in opened(process)]


def test_once_does_not_wait_for_its_turn(store, collect, folder):
    first = collect()
    wait_until(lambda: "collector.json" in store.paths(), what="the first to begin")
    assert once(collect, folder, status=1) == (
        "Error: Another collector works on PRESENCE_DATA_DIR: leave it to that one.\n")
    assert first.stop() == 0


def test_a_folder_that_cannot_be(store, collect, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert once(collect, tmp_path / "link", status=1) == "Error: The storage at PRESENCE_DATA_DIR failed.\n"


def test_a_position_that_cannot_be_read(store, collect, folder):
    (folder / ".bucket.position").mkdir(parents=True)
    assert once(collect, folder, status=1) == "Error: The storage at PRESENCE_DATA_DIR failed.\n"


COLLECT = """
import os, sys
import obstore, rich.status
from presence_receiver.cli import main
from presence_receiver.extras.bucket import collector, command
if len(sys.argv) > 3:
    user = int(sys.argv.pop())
    os.setresuid(user, user, user)
main.main()
"""
"""All is imported first, since the interpreter of a test may be one that only root can read."""


@pytest.fixture
def shared():
    """A data folder of another user's, where that one can reach it."""
    needs_root()
    with reachable_folder() as folder:
        (folder / ".presence.lock").touch(0o600)
        give_away(folder)
        yield folder


def collected(folder, store, *user):
    variables = environment(folder, BUCKET_URL=store.url) | store.variables
    return subprocess.run([sys.executable, "-c", COLLECT, "collect", "--once", *map(str, user)], env=variables,
                          capture_output=True, text=True)


def test_what_root_collects_is_the_receivers(store, shared):
    put(store, 1)
    ran = collected(shared, store)
    assert (ran.returncode, found(shared)) == (0, [1]), ran.stderr
    assert {(path.stat().st_uid, path.stat().st_gid) for path in shared.iterdir()} == {(NOBODY, NOBODY)}


def test_anybody_else_is_told_the_command(store, shared):
    os.chmod(shared, 0o755)
    put(store, 1)
    ran = collected(shared, store, 12345)
    assert ran.returncode == 1
    assert f"The files in {shared} belong to nobody: run this as sudo -u nobody presence-cli" in ran.stderr
    assert len(store.objects()) == 1

"""A rejected file replayed in many small commits: the same lines, nothing lost and nothing doubled."""
import gzip
import json
import os
import shutil

import pytest
from extras.replay.test_replay import BAD, CLOSED, GOOD, REPORT, THEN, data, good, line, rejected, settings, visible

from presence_receiver.errors import NotReplayed, StorageError
from presence_receiver.extras.replay import portion, rejected_line, rewriting
from presence_receiver.extras.replay.rewriting import Outcome, replay
from presence_receiver.lines import UNJUDGED, whole
from presence_receiver.storage.housekeeping import Housekeeping
from presence_receiver.storage.writer import Writer
from presence_receiver.validation.judge import judge_delivery

__all__ = ["data", "settings"]


@pytest.fixture
def commits(monkeypatch):
    """The lines of each commit, of which each has about one."""
    found, exchange = [], Writer.exchange

    def noted(self, accepted, *args):
        found.append(accepted)
        exchange(self, accepted, *args)

    monkeypatch.setattr(Writer, "exchange", noted)
    monkeypatch.setattr(rewriting, "MOST_BYTES", 100)
    return found


@pytest.mark.parametrize("name, pack", [
    ("rejected.jsonl", bytes), (CLOSED, bytes), (f"{CLOSED}.gz", gzip.compress),
])
def test_each_portion_is_a_commit_and_the_file_says_how_far_it_came(data, settings, commits, name, pack):
    (data / name).write_bytes(pack(good(1) + BAD + good(2) + good(3) + BAD + b"[]\n"))
    assert replay(data / name, settings) == Outcome(3, 3)
    assert commits == [line(1), line(2), line(3)]
    assert visible(data) == {"presence.jsonl": line(1) + line(2) + line(3), name: BAD + BAD + b"[]\n"}


def test_a_failure_between_two_portions_costs_and_doubles_nothing(data, settings, commits, monkeypatch):
    path = data / "rejected.jsonl"
    path.write_bytes(good(1) + good(2) + good(3))
    noted = Writer.exchange

    def failing(self, *args):
        if len(commits) == 2:
            raise StorageError("The storage at PRESENCE_DATA_DIR is full.", "full")
        noted(self, *args)

    with monkeypatch.context() as full:
        full.setattr(Writer, "exchange", failing)
        with pytest.raises(StorageError):
            replay(path, settings)
    assert visible(data) == {"presence.jsonl": line(1) + line(2), "rejected.jsonl": good(3)}
    assert replay(path, settings) == Outcome(1, 0)
    assert visible(data) == {"presence.jsonl": line(1) + line(2) + line(3), "rejected.jsonl": b""}


def test_a_file_that_is_closed_between_two_portions_keeps_the_rest(data, settings, commits):
    path = data / "rejected.jsonl"
    path.write_bytes(good(1) + BAD + good(2))

    def closed(done, size):
        if len(commits) == 1 and not (data / CLOSED).exists():
            path.rename(data / CLOSED)
            path.write_bytes(good(9))

    with pytest.raises(NotReplayed, match="was closed meanwhile: replay the file that it has become.$"):
        replay(path, settings, closed)
    assert visible(data) == {"presence.jsonl": line(1), CLOSED: BAD + good(2), "rejected.jsonl": good(9)}
    assert replay(data / CLOSED, settings) == Outcome(1, 1)


def test_another_file_under_the_name_is_not_taken_for_the_rest_of_the_first(data, settings, commits, monkeypatch):
    path, noted = data / "rejected.jsonl", Writer.exchange
    path.write_bytes(good(1) + good(2))

    def moved_after(self, *args):
        noted(self, *args)
        path.rename(data / CLOSED)
        path.write_bytes(good(8) + good(9))

    monkeypatch.setattr(Writer, "exchange", moved_after)
    with pytest.raises(NotReplayed):
        replay(path, settings)
    assert visible(data) == {"presence.jsonl": line(1), CLOSED: good(2), "rejected.jsonl": good(8) + good(9)}


def test_what_may_still_be_taken_back_is_neither_judged_nor_copied(data, settings, monkeypatch):
    """A delivery has written its rejected line, and is refused in the end."""
    path, end, exchange = data / "rejected.jsonl", Writer.whole_end, Writer.exchange
    path.write_bytes(good(1) + BAD)
    size = path.stat().st_size

    def written_after(self, descriptor):
        os.truncate(path, size)
        found = end(self, descriptor)
        with path.open("ab") as file:
            file.write(good(2))
        return found

    def taken_back(self, *args):
        os.truncate(path, size)
        Writer(settings).append(b"", good(3))
        exchange(self, *args)

    monkeypatch.setattr(Writer, "whole_end", written_after)
    monkeypatch.setattr(Writer, "exchange", taken_back)
    assert replay(path, settings) == Outcome(1, 1)
    assert visible(data) == {"presence.jsonl": line(1), "rejected.jsonl": BAD + good(3)}


def test_what_is_not_reached_is_copied_before_the_lock_is_asked_for(data, settings, commits, monkeypatch):
    path, copied, copy = data / "rejected.jsonl", [], shutil.copyfileobj
    path.write_bytes(good(1) + BAD * 1000)

    def counted(source, sink, size):
        before = sink.tell()
        copy(source, sink, size)
        copied.append((len(commits), sink.tell() - before))

    monkeypatch.setattr(portion.shutil, "copyfileobj", counted)
    replay(path, settings)
    assert copied[:2] == [(0, 1000 * len(BAD)), (1, 0)]


def big(count, **fields):
    """An unjudged line of so many observations."""
    seen = [GOOD | {"seenEpoch": number} for number in range(count)]
    unjudged = {"receivedAt": THEN, "errors": whole(UNJUDGED), "report": REPORT | {"observations": seen} | fields}
    return json.dumps(unjudged | {"observation": None}).encode() + b"\n"


@pytest.mark.parametrize("fields", [{}, {"building": None}, {"building": "x" * 50_000}])
def test_one_line_of_many_observations_is_several_commits(data, settings, commits, monkeypatch, fields):
    monkeypatch.setattr(rewriting, "MOST_BYTES", 500_000)
    path = data / "rejected.jsonl"
    path.write_bytes(BAD + big(4_000 if not fields.get("building") else 40, **fields) + good(5))
    expected = judge_delivery(json.dumps(json.loads(big(4_000, **fields))["report"]).encode(), THEN)
    count = 4_001 if not fields.get("building") else 41
    assert replay(path, settings) == Outcome(count, 1)
    assert len(commits) > 2 and max(map(len, commits)) < 800_000
    found = visible(data)
    assert found["rejected.jsonl"] == BAD
    made = found["presence.jsonl"].splitlines(keepends=True)
    assert made == [*expected.lines.splitlines(keepends=True)[:count - 1], line(5)]


def test_a_line_too_long_for_a_portion_in_which_nothing_is_good_stays_as_it_is(data, settings, commits):
    body = {"observations": [{"clientMac": "nobody"}] * 50}
    path = data / "rejected.jsonl"
    path.write_bytes(rejected(body=json.dumps(body)))
    before = path.read_bytes()
    assert replay(path, settings) == Outcome(0, 1)
    assert visible(data) == {"rejected.jsonl": before}


def test_a_line_too_long_for_a_portion_is_searched_to_its_end_for_what_is_good(data, settings, commits):
    body = {"observations": [*[{"clientMac": "nobody"}] * 50, GOOD | {"ipv6": "fe80::1%eth0"}]}
    path = data / "rejected.jsonl"
    path.write_bytes(rejected(body=json.dumps(body)))
    assert replay(path, settings) == Outcome(1, 50)


def test_a_line_that_comes_in_one_piece_only_is_judged_at_once():
    body = json.dumps([5, {"observations": [GOOD] * 50}, {"observations": [GOOD | {"ssid": "\ud800"}]}])
    found = rejected_line.judged(rejected(body=body), 100)
    assert (found.accepted_count, found.rejected_count, found.unjudged_count) == (50, 2, 0)


def test_half_a_line_at_the_end_of_a_compressed_file_stays(data, settings):
    path = data / f"{CLOSED}.gz"
    path.write_bytes(gzip.compress(good(1) + b'{"half'))
    assert replay(path, settings) == Outcome(1, 1)
    assert visible(data) == {"presence.jsonl": line(1), path.name: b'{"half'}


def test_a_closed_file_with_half_a_line_stays(data, settings):
    (data / CLOSED).write_bytes(good(1) + b'{"half')
    assert replay(data / CLOSED, settings) == Outcome(1, 0)
    assert visible(data) == {"presence.jsonl": line(1), CLOSED: b'{"half'}


def test_where_commits_take_long_portions_become_smaller(data, settings, commits, monkeypatch):
    monkeypatch.setattr(rewriting, "MOST_BYTES", 1_000)
    monkeypatch.setattr(rewriting, "LEAST_BYTES", 10)
    monkeypatch.setattr(rewriting, "HELD_SECONDS", 0)
    (data / "rejected.jsonl").write_bytes(b"".join(map(good, range(12))))
    replay(data / "rejected.jsonl", settings)
    assert [text.count(b"\n") for text in commits] == [4, *[1] * 8]
    Housekeeping(settings).run_round()

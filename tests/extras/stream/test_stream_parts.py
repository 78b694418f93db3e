import datetime

import pytest

from presence_receiver.extras.stream.messages import HEADERS_SIZE, Assembly, Stored, parts

NOW = datetime.datetime(2026, 11, 22, 20, 15, tzinfo=datetime.UTC)
LINES = b"".join(b'{"n":%d}\n' % number for number in range(100))


def cut(accepted, rejected=b"", size=100, delivery="d"):
    return parts(delivery, accepted, rejected, size + HEADERS_SIZE)


def stored(found, first=1, time=NOW):
    return [Stored.read(number, time, f"presence.{part.kind}", part.headers, part.payload)
            for number, part in enumerate(found, first)]


def test_a_small_delivery_is_one_message():
    [part] = cut(b"a\n")
    assert (part.kind, part.payload) == ("lines", b"a\n")
    assert part.headers == {"Nats-Msg-Id": "d-1", "Presence-Delivery": "d", "Presence-Part": "1/1"}


def test_no_message_is_larger_than_the_server_takes_and_each_ends_with_a_line():
    found = cut(LINES)
    assert len(found) > 1 and b"".join(part.payload for part in found) == LINES
    assert max(len(part.payload) for part in found) <= 100
    assert all(part.payload.endswith(b"\n") for part in found)


def test_a_line_larger_than_a_message_is_cut_within():
    assert [len(part.payload) for part in cut(b"x" * 250 + b"\n")] == [100, 100, 51]


@pytest.mark.parametrize("turn", [1, -1])
def test_parts_in_any_order_are_the_delivery_again(turn):
    assembly = Assembly()
    *others, last = stored(cut(LINES, b"bad\n"))[::turn]
    assert [assembly.add(part) for part in others] == [None] * len(others)
    whole = assembly.add(last)
    assert (whole.accepted, whole.rejected) == (LINES, b"bad\n")
    assert whole.sequences == set(range(1, len(others) + 2))


def test_a_part_that_comes_again_counts_once():
    assembly, (first, *_) = Assembly(), stored(cut(LINES))
    assert [assembly.add(first) for _ in range(20)] == [None] * 20


def test_an_incomplete_delivery_is_dropped_when_it_is_old():
    assembly = Assembly()
    first, *_ = stored(cut(LINES, delivery="old"))
    second, *_ = stored(cut(LINES, delivery="new"), 50, NOW + datetime.timedelta(seconds=61))
    assembly.add(first)
    assembly.add(second)
    assert assembly.drop_older(NOW + datetime.timedelta(seconds=1)) == {1}
    assert assembly.drop_older(NOW + datetime.timedelta(seconds=1)) == set()


def test_what_somebody_else_published_is_rejected_as_a_whole():
    whole = Assembly().add(Stored.read(7, NOW, "presence.lines", None, b"no line"))
    assert (whole.accepted, whole.sequences) == (b"", {7})
    assert whole.rejected == (
        b'{"receivedAt":"2026-11-22T20:15:00.000000Z","errors":{"_schema":'
        b'["A message of the stream that no receiver has published."]},"body":"no line"}\n')

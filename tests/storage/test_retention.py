import datetime

from presence_receiver.storage import rotation

NOW = datetime.datetime(2026, 11, 22, 20, 15, tzinfo=datetime.UTC)
OLD, MIDDLE, NEW = (
    f"presence-202611{day}T201500.000000Z.jsonl" for day in ("01", "12", "22")
)
OTHERS = {"presence.jsonl": 1000, "rejected.jsonl": 1000, ".presence.lock": 0, "notes.txt": 1000,
          "rejected-20261101T201500.000000Z.jsonl.gz": 1000}


def surplus(sizes=None, stem="presence", most_files=None, most_days=None, most_bytes=None, now=NOW):
    sizes = OTHERS | ({f"{OLD}.gz": 10, f"{MIDDLE}.gz": 10, NEW: 100} if sizes is None else sizes)
    return rotation.surplus(stem, sizes, now, most_files=most_files, most_days=most_days, most_bytes=most_bytes)


def test_without_limits_nothing_is_surplus():
    assert surplus() == []


def test_beyond_a_number_of_files_the_oldest_go_first():
    assert surplus(most_files=3) == []
    assert surplus(most_files=2) == [f"{OLD}.gz"]
    assert surplus(most_files=1) == [f"{OLD}.gz", f"{MIDDLE}.gz"]


def test_beyond_a_number_of_bytes_the_oldest_go_first():
    assert surplus(most_bytes=120) == []
    assert surplus(most_bytes=119) == [f"{OLD}.gz"]
    assert surplus(most_bytes=1) == [f"{OLD}.gz", f"{MIDDLE}.gz", NEW]


def test_a_large_old_file_does_not_let_an_older_small_one_stay():
    assert surplus({OLD: 1, MIDDLE: 500, NEW: 10}, most_bytes=50) == [OLD, MIDDLE]


def test_beyond_a_number_of_days_files_go():
    assert surplus(most_days=21) == []
    assert surplus(most_days=20) == [f"{OLD}.gz"]
    assert surplus(most_days=21, now=NOW + datetime.timedelta(hours=1)) == [f"{OLD}.gz"]
    assert surplus(most_days=20, now=NOW - datetime.timedelta(hours=36)) == []


def test_the_narrowest_limit_counts():
    assert surplus(most_days=20, most_files=1, most_bytes=1000) == [f"{OLD}.gz", f"{MIDDLE}.gz"]


def test_a_plain_file_and_its_compressed_copy_are_one_file_and_go_together():
    sizes = {OLD: 50, f"{OLD}.gz": 10, NEW: 100}
    assert surplus(sizes, most_files=2) == []
    assert surplus(sizes, most_bytes=159) == [OLD, f"{OLD}.gz"]
    assert surplus(sizes, most_files=1) == [OLD, f"{OLD}.gz"]


def test_lines_and_rejected_are_counted_apart():
    assert surplus(stem="rejected", most_files=1) == []
    assert surplus(stem="rejected", most_days=5) == ["rejected-20261101T201500.000000Z.jsonl.gz"]


def test_a_file_closed_in_the_future_is_young():
    assert surplus(most_days=1, now=NOW - datetime.timedelta(days=300)) == []

from hypothesis import given, strategies

from presence_receiver.extras.bucket.names import Name, split

PROCESS = "0123456789abcdef" * 2
LINE = b'{"receivedAt":"2026-11-22T20:15:00.123456Z"}\n'
counts = strategies.integers(0, 10 ** 18 - 1)


@given(counts, counts)
def test_a_name_reads_back(number, accepted):
    name = Name.now(PROCESS, number, accepted)
    assert Name.read(name.path) == name


@given(strategies.text())
def test_a_strangers_name_is_none_of_ours(text):
    assert Name.read(f"inbox/{text}") is None


def test_a_number_has_one_spelling():
    """Else two names would be one commit."""
    assert Name.read(f"inbox/20261122T201500.123456Z-{PROCESS}-7-0.jsonl")
    assert Name.read(f"inbox/20261122T201500.123456Z-{PROCESS}-07-0.jsonl") is None
    assert Name.read(f"inbox/20261122T201500.123456Z-{PROCESS}-7-00.jsonl") is None


def test_names_sort_by_time():
    names = [Name(f"20261122T2015{second:02}.000000Z", PROCESS, 60 - second, 1) for second in range(60)]
    assert sorted(names, key=lambda name: name.path) == names


def test_a_whole_object_is_split():
    assert split(LINE + LINE, len(LINE)) == (LINE, LINE)
    assert split(LINE, len(LINE)) == (LINE, b"")
    assert split(LINE, 0) == (b"", LINE)


def test_what_cannot_be_a_receivers():
    for content, accepted in ((b"", 0), (LINE, 1), (LINE, len(LINE) + 1), (LINE[:-1], 0), (b"x" + LINE, 0),
                              (LINE + b"x\n", len(LINE)), (LINE + b"x\n" + LINE, 0), (LINE + LINE[:9] + LINE, 0),
                              (LINE[:-2] + b"\0}\n", 0), (LINE + b"\n" + LINE, 0)):
        assert split(content, accepted) is None

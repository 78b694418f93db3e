"""Which connection goes first where descriptors run short."""
import pytest

from presence_receiver.server.connections import Connections


@pytest.fixture
def connections():
    found = Connections(10)
    for name in ("stranger", "other stranger"):
        found.idle(name, is_trusted=False)
    found.idle("trusted", is_trusted=True)
    return found


def gone(connections, now):
    """The names in the order in which they go."""
    while (first := connections.first_to_go(now)) is not None:
        connections.closed(first)
        yield first


def test_strangers_go_before_those_who_have_shown_the_secret(connections):
    assert [*gone(connections, 0)] == ["stranger", "other stranger", "trusted"]
    assert len(connections) == 0


def test_who_has_been_idle_longest_goes_first(connections):
    connections.under_way("stranger")
    connections.idle("stranger", is_trusted=False)
    assert [*gone(connections, 0)] == ["other stranger", "stranger", "trusted"]


def test_a_request_that_is_under_way_never_goes(connections):
    connections.begun("stranger", 0)
    connections.under_way("stranger")
    connections.under_way("trusted")
    assert [*gone(connections, 100)] == ["other stranger"]
    assert sorted(connections) == ["stranger", "trusted"]


def test_a_head_that_has_begun_is_safe_for_ten_seconds(connections):
    for number, name in enumerate([*connections]):
        connections.begun(name, number)
    assert [*gone(connections, 9.9)] == []
    assert [*gone(connections, 11)] == ["stranger", "other stranger"]


def test_who_shows_the_secret_is_no_stranger_any_more(connections):
    connections.idle("stranger", is_trusted=True)
    assert [*gone(connections, 0)] == ["other stranger", "trusted", "stranger"]

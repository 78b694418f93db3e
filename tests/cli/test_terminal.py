import os
import signal

import pytest
from accounts import OLD_SECRET, SECRET, URL
from command_line import Terminal


def test_a_hidden_prompt(account):
    env = {**account.env, "PRESENCE_SECRET": ""}
    with Terminal("register", URL, env=env) as terminal:
        terminal.wait_for("The receiver's PRESENCE_SECRET (not shown): ")
        terminal.type(SECRET + "\n")
        terminal.wait_for("Repeat for confirmation: ")
        terminal.type(SECRET + "\n")
        assert terminal.end() == 0
        assert f"Created subscription 1, which posts to {URL}." in terminal.shown
    assert account.fake.stored[0]["secret"] == SECRET


@pytest.mark.parametrize(["typed", "said", "code", "left"], [
    ("y\n", "Deleted subscription 1.", 0, 0),
    ("n\n", "Nothing was deleted.", 1, 1),
    ("\n", "Nothing was deleted.", 1, 1),
])
def test_deleting_asks(account, typed, said, code, left):
    account.fake.add(URL, OLD_SECRET)
    with Terminal("delete", "1", env=account.env) as terminal:
        terminal.wait_for("Delete 1 subscription? [y/N]: ")
        terminal.type(typed)
        assert (terminal.end(), said in terminal.shown) == (code, True)
    assert len(account.fake.stored) == left


def test_interrupted_at_a_prompt(account):
    account.fake.add(URL, OLD_SECRET)
    with Terminal("delete", "1", env=account.env) as terminal:
        terminal.wait_for("[y/N]: ")
        terminal.interrupt()
        assert terminal.end() == 130
        assert "Traceback" not in terminal.shown
    assert len(account.fake.stored) == 1


def test_interrupted_in_a_call(account):
    def interrupt(handler, act):
        os.kill(terminal.process.pid, signal.SIGINT)
        handler.connection.recv(1)
        handler.reset()
    account.fake.misbehave("GET", interrupt)
    with Terminal("list", env=account.env) as terminal:
        assert terminal.end() == 130
        assert "Traceback" not in terminal.shown


def test_colours_on_a_terminal_only_and_not_with_no_color(account):
    with Terminal("list", env={**account.env, "PRESENCE_API": "meraki"}) as terminal:
        assert terminal.end() == 1
        assert "\x1b[1;31mError: \x1b[0m" in terminal.shown
    for arguments in (["list"], ["-h"]):
        account.fake.add(URL, SECRET)
        with Terminal(*arguments, env={**account.env, "NO_COLOR": "1"}) as terminal:
            assert terminal.end() == 0
            assert "\x1b" not in terminal.shown


def test_a_table_fits_the_terminal(extremecloudiq):
    extremecloudiq.fake.add(URL, SECRET)
    env = {**extremecloudiq.env, "NO_COLOR": "1"}
    with Terminal("list", env={**env, "COLUMNS": "130"}) as terminal:
        assert terminal.end() == 0
        assert len(terminal.shown.splitlines()) == 2
    extremecloudiq.fake.add(URL + "?" + "long" * 30, SECRET)
    with Terminal("list", env={**env, "COLUMNS": "80"}) as terminal:
        assert terminal.end() == 0
    lines = [line.rstrip() for line in terminal.shown.splitlines()]
    assert lines[:9] == [
        "ID            1", "APPLICATION   presence-receiver", f"URL           {URL}",
        "MESSAGE TYPE  LOCATION_AP_CENTRIC", "STATUS        ENABLED",
        "CREATED       2026-11-22T20:15:00.000+0000", "SECRET        ***", "", "ID            2"]
    assert max(map(len, lines)) <= 80
    assert "".join(line[14:] for line in lines[10:13]) == URL + "?" + "long" * 30

import stat
import sys
from pathlib import Path

import pytest
from accounts import ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, SECRET
from command_line import Terminal, run

from presence_receiver.cli.init import HIVEMANAGER, WHICH, write
from presence_receiver.cli.invocation import read_environment
from presence_receiver.cli.output import called
from presence_receiver.errors import ConfigError

PAGE = Path(__file__).parents[2] / "presence_receiver" / "subscriptions" / "README.rst"
ANSWERS = {
    "hivemanager": lambda url: [
        ("Vendor's API (hivemanager, extremecloudiq) [hivemanager]: ", ""),
        ("Data centre, such as https://cloud-va.aerohive.com: ", url),
        ("Version of the API, beta or v1 [beta]: ", ""),
        ("Client ID, of the developer portal: ", CLIENT_ID),
        ("Client secret, of the developer portal (not shown): ", CLIENT_SECRET),
        ("Redirect URI, of the developer portal: ", "https://example.org"),
        ("Access token, of Global Settings, API Token Management (not shown): ", ACCESS_TOKEN),
        ("Owner ID, the VHM ID in the About box: ", "1490"),
    ],
    "extremecloudiq": lambda url: [
        ("Vendor's API (hivemanager, extremecloudiq) [hivemanager]: ", "extremecloudiq"),
        ("Address of the API [https://api.extremecloudiq.com]: ", url),
        ("Access token, of Global Settings, API Token Management (not shown): ", ACCESS_TOKEN),
    ],
}
LAST = "The receiver's PRESENCE_SECRET; Enter makes one (not shown): "


def answer(terminal, dialogue, last=SECRET):
    for question, typed in dialogue if last is None else [*dialogue, (LAST, last)]:
        terminal.wait_for(question)
        terminal.shown = ""
        terminal.type(typed + "\n")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "env"


def test_what_it_asks_writes_tries_and_says(account, file):
    url = account.fake.url
    with Terminal("init", str(file), env={"COLUMNS": "400"}) as terminal:
        terminal.wait_for(WHICH)
        answer(terminal, ANSWERS[account.name](url))
        assert terminal.end() == 0
        assert [line.rstrip() for line in terminal.shown.splitlines() if line.strip()] == [
            f"Wrote {file}, which only you can read.",
            "The account answers; it has 0 subscriptions.",
            "When the receiver runs with the same PRESENCE_SECRET, go on with its own URL:",
            f"    presence-cli --env-file {file} doctor https://example.org/presence",
            f"    presence-cli --env-file {file} register https://example.org/presence"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    written = {name: value for name, value in read_environment(str(file)).items() if name in account.env}
    assert written == account.env
    assert run("--env-file", str(file), "list").parts == (0, "", "There are no subscriptions.\n")
    assert [path.name for path in file.parent.iterdir() if "draft" in path.name] == []


def test_enter_makes_a_secret_and_a_short_one_is_asked_for_again(hivemanager, file):
    with Terminal("init", str(file), env={"COLUMNS": "400"}) as terminal:
        answer(terminal, ANSWERS["hivemanager"](hivemanager.fake.url), "four")
        terminal.wait_for("The secret must have at least 5 characters; `presence-cli new-secret` makes one.")
        answer(terminal, [], "")
        assert terminal.end() == 0
    assert len(read_environment(str(file))["PRESENCE_SECRET"]) == 32


def test_enter_keeps_the_secret_that_a_receiver_has_already(hivemanager, file):
    with Terminal("init", str(file), env={"COLUMNS": "400", "PRESENCE_SECRET": "deployed-already"}) as terminal:
        last = LAST.replace("makes one", "keeps the one that is set"), ""
        answer(terminal, [*ANSWERS["hivemanager"](hivemanager.fake.url), last], None)
        assert terminal.end() == 0
    assert read_environment(str(file))["PRESENCE_SECRET"] == "deployed-already"


def test_what_is_there_is_overwritten_only_when_one_says_so(hivemanager, file):
    file.write_text("MINE=1\n")
    question = f"{file} exists. Write it anew? [y/N]: "
    with Terminal("init", str(file), env={"COLUMNS": "400"}) as terminal:
        answer(terminal, [(question, "n")], None)
        assert (terminal.end(), "Nothing was written." in terminal.shown) == (1, True)
    assert file.read_text() == "MINE=1\n"
    with Terminal("init", str(file), env={"COLUMNS": "400"}) as terminal:
        answer(terminal, [(question, "y"), *ANSWERS["hivemanager"](hivemanager.fake.url)])
        assert terminal.end() == 0
    assert "MINE" not in file.read_text()


def test_what_was_typed_stays_where_the_account_refuses(hivemanager, file):
    dialogue = ANSWERS["hivemanager"](hivemanager.fake.url)
    dialogue[-2] = (dialogue[-2][0], "another-token")
    with Terminal("init", str(file), env={"NO_COLOR": "1", "COLUMNS": "400"}) as terminal:
        answer(terminal, dialogue)
        assert terminal.end() == 1
        assert terminal.shown.splitlines()[-1] == (
            "Error: HIVEMANAGER_ACCESS_TOKEN was refused (401; core.auth.invalid.token Token Bearer *** is invalid): "
            "make a new one under Global Settings, API Token Management, and check HIVEMANAGER_CLIENT_ID and "
            f"HIVEMANAGER_CLIENT_SECRET. {file} is written all the same: correct it there, and try "
            f"`presence-cli --env-file {file} list`.")
    assert read_environment(str(file))["HIVEMANAGER_ACCESS_TOKEN"] == "another-token"


UNREADABLE = {
    "HIVEMANAGER_URL": [
        ("hmng", "must be a whole URL that starts with https://."), ("https://[", "is not a URL."),
        ("http://example.org", "must start with https://, since credentials are sent there."),
        ("https://me:word@example.org", "must not hold a user or a password.")],
    "HIVEMANAGER_API_VERSION": [("https://example.org", "must be beta or v1.")],
    "HIVEMANAGER_CLIENT_SECRET": [("ünï", "has a character that an HTTP header cannot carry.")],
    "HIVEMANAGER_OWNER_ID": [("abc", "must be a whole number.")],
}


def test_what_cannot_be_read_is_asked_for_again(hivemanager, file):
    questions = dict(zip(HIVEMANAGER, ANSWERS["hivemanager"](hivemanager.fake.url)[1:], strict=True))
    with Terminal("init", str(file), env={"NO_COLOR": "1", "COLUMNS": "400"}) as terminal:
        answer(terminal, ANSWERS["hivemanager"]("")[:1], None)
        for name, (question, good) in questions.items():
            for bad, said in UNREADABLE.get(name, []):
                answer(terminal, [(question, bad)], None)
                terminal.wait_for(f"Error: {name} {said}")
            answer(terminal, [(question, " "), (question, good)], None)
        answer(terminal, [])
        assert terminal.end() == 0
    assert read_environment(str(file)).items() >= hivemanager.env.items()


def test_a_folder_that_is_not_there(hivemanager, tmp_path):
    file = tmp_path / "none" / "env"
    with Terminal("init", str(file), env={"NO_COLOR": "1", "COLUMNS": "400"}) as terminal:
        answer(terminal, ANSWERS["hivemanager"](hivemanager.fake.url))
        assert terminal.end() == 1
        assert terminal.shown.splitlines()[-1] == (
            f"Error: {file} cannot be written (No such file or directory): give another FILE.")


def test_no_question_without_a_terminal(file):
    assert run("init", str(file), stdin="hivemanager\n").parts == (1, "", (
        f"Error: init asks questions, which needs a terminal: without one write {file} by hand, as "
        "presence_receiver/subscriptions/README.rst says.\n"))
    assert not file.exists()


@pytest.mark.parametrize("value", ["plain", "with blank", "it's", 'a"b', "a\\b", "$HOME", "#5", "ünï", "a b\\"])
def test_every_value_comes_back_as_it_was_typed(file, value):
    write(file, {"PRESENCE_SECRET": value})
    assert read_environment(str(file))["PRESENCE_SECRET"] == value


def test_a_file_that_cannot_take_the_place_leaves_no_draft_with_secrets(file):
    file.mkdir()
    with pytest.raises(ConfigError) as error:
        write(file, {"PRESENCE_SECRET": "secret"})
    assert str(error.value) == f"{file} cannot be written (Is a directory): give another FILE."
    assert [*file.parent.iterdir()] == [file]


@pytest.mark.parametrize(["argument", "name"], [
    ("-c", "presence-cli"), (".venv/bin/presence-cli", ".venv/bin/presence-cli"),
    ("/app/presence_receiver/__main__.py", "python -m presence_receiver"),
])
def test_it_calls_itself_as_it_was_called(monkeypatch, argument, name):
    monkeypatch.setattr(sys, "argv", [argument, "init"])
    assert called() == name


def test_the_page_decides_which_api_as_init_does():
    assert WHICH in " ".join(PAGE.read_text().split())

import base64
import subprocess

import pytest
from accounts import ACCESS_TOKEN, OLD_SECRET, SECRET, URL
from command_line import PRINTED, command, run


def test_an_env_file(account, tmp_path):
    path = tmp_path / "env"
    path.write_text("".join(f"export {name}='{value}'\n" for name, value in account.env.items()))
    assert run("--env-file", str(path), "register", URL).code == 0
    assert account.fake.stored[0]["secret"] == SECRET
    assert run("list", env={"PRESENCE_ENV_FILE": str(path)}).code == 0


def test_the_environment_wins_over_the_file(account, tmp_path):
    path = tmp_path / "env"
    path.write_text(f"PRESENCE_SECRET={OLD_SECRET}\nPRESENCE_API=meraki\n")
    assert account.run("--env-file", str(path), "register", URL).code == 0
    assert account.fake.stored[0]["secret"] == SECRET


def test_a_dollar_in_the_file_is_a_dollar(account, tmp_path):
    path = tmp_path / "env"
    path.write_text("PRESENCE_SECRET=five$HOME${HOME}\n")
    assert account.run("--env-file", str(path), "register", URL, PRESENCE_SECRET="").code == 0
    assert account.fake.stored[0]["secret"] == "five$HOME${HOME}"


def test_env_files_that_cannot_be_read(tmp_path):
    assert run("--env-file", str(tmp_path / "none"), "list").code == 2
    path = tmp_path / "env"
    path.write_bytes(b"PRESENCE_API=\xff\n")
    assert run("--env-file", str(path), "list").parts == (
        1, "", f"Error: {path} is not UTF-8: save the env file as UTF-8.\n")


def test_a_file_that_merely_lies_there_is_not_read(account, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("HIVEMANAGER_URL=https://attacker.example\n")
    assert account.run("list").code == 0


@pytest.mark.parametrize("option, bounds", [
    ("--timeout", "0<x<=86400"), ("--interval", "1<=x<=86400"), ("--speed", "0<x<=1000000"), ("--bad", "0<=x<=1")])
@pytest.mark.parametrize("value", ["inf", "nan", "1e12"])
def test_a_number_beyond_its_bounds(tmp_path, option, bounds, value):
    command = ["simulate", "--into", str(tmp_path / "new")]
    ran = run(option, value, *command) if option == "--timeout" else run(*command, option, value)
    fault = "'nan' is not a valid number." if value == "nan" else f"{float(value)} is not in the range {bounds}."
    assert (ran.code, ran.err.splitlines()[-1]) == (2, f"Error: Invalid value for '{option}': {fault}")


def test_a_secret_that_is_no_utf_8_stands_in_the_way_of_no_other_command():
    for name in ("PRESENCE_SECRET", "PRESENCE_PREVIOUS_MAC_KEYS"):
        assert run("new-secret", env={name: "caf\udce9secret12345"}).code == 0


def test_new_secret():
    first, second = run("new-secret"), run("new-secret")
    assert first.code == 0 and first.err == "" and first.out != second.out
    secret = first.out.strip()
    user, _, password = base64.b64decode(secret, validate=True).decode().partition(":")
    assert (len(secret), user, len(password)) == (32, "ah", 21)


def test_version_and_help():
    assert run("--version").out.startswith("presence-cli, version 0.")
    assert run("-h").out == run("--help").out


def test_a_process_of_its_own(account):
    """Exit status and streams as a shell sees them; argv holds no credential."""
    ran = subprocess.run(command("list"), env=account.env, capture_output=True, text=True, timeout=60)
    PRINTED.extend((ran.stdout, ran.stderr))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "There are no subscriptions.\n")
    assert ACCESS_TOKEN not in " ".join(ran.args)

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from command_line import run

from presence_receiver.cli.main import COMMANDS, cli

PACKAGE = Path(__file__).parents[2] / "presence_receiver"


def shown(command):
    return run(*([command] if command else []), "--help").out


def page(command):
    """Return the page of the folder that the command's module is in."""
    module = COMMANDS[command][0] if command else "cli.main"
    return (PACKAGE / module.replace(".", "/")).with_name("README.rst").read_text()


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_in_the_page(command):
    assert textwrap.indent(shown(command), "    ").rstrip() in page(command)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_screen_and_has_an_example(command):
    lines = shown(command).splitlines()
    assert len(lines) <= (46 if command == "" else 24)
    assert max(map(len, lines)) <= 80
    assert "  Example: " in shown(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_table_says_what_the_command_says(command):
    first = cli.get_command(None, command).help.splitlines()[0]
    assert (first, cli.get_command(None, command).name) == (COMMANDS[command][1], command)


def test_an_unknown_command():
    ran = run("lists")
    assert ran.code == 2
    assert ran.err.splitlines()[-1] == "Error: No such command 'lists'. Did you mean 'list'?"
    assert run("help", "regster").err.splitlines()[-1] == (
        "Error: No such command 'regster'. Did you mean 'register'?")
    assert run("zzz").err.splitlines()[-1] == "Error: No such command 'zzz'. See `presence-cli help`."


def test_help_is_a_command_too():
    assert run("help").out == shown("")
    for command in COMMANDS:
        assert run("help", command).out == shown(command)


@pytest.mark.parametrize("option", ["--env-file", "--timeout", "-v", "--api"])
def test_an_option_of_all_commands_goes_before_them(option):
    ran = run("list", option, "x")
    assert (ran.code, ran.err.splitlines()[-1]) == (2, f"Error: {option} goes before the command.")


def test_the_version():
    assert run("-V").parts == run("--version").parts == (0, "presence-cli, version 0.1.0\n", "")


def test_help_says_where_the_documentation_is():
    assert " ".join(shown("").split()).endswith(
        "Documentation: README.rst in the repository, and a README.rst in each folder of presence_receiver.")


def test_help_loads_no_library_that_it_does_not_need():
    code = ("import sys; from presence_receiver.cli.main import cli; cli.main(['--help'], standalone_mode=False)")
    watched = "{'requests', 'flask', 'marshmallow', 'rich', 'msgspec', 'gunicorn'} & {*sys.modules}"
    at_exit = f"import atexit, sys; atexit.register(lambda: print({watched}, file=sys.stderr))"
    ran = subprocess.run([sys.executable, "-c", f"{at_exit}; {code}"], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "set()\n")

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
    assert len(lines) <= (38 if command == "" else 24)
    assert max(map(len, lines)) <= 80
    assert "  Example: " in shown(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_table_says_what_the_command_says(command):
    first = cli.get_command(None, command).help.splitlines()[0]
    assert (first, cli.get_command(None, command).name) == (COMMANDS[command][1], command)


def test_an_unknown_command():
    ran = run("lists")
    assert ran.code == 2
    assert ran.err.splitlines()[-1].startswith("Error: No such command 'lists'.")

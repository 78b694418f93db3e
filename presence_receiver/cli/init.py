"""presence-cli init."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from presence_receiver.cli.invocation import Invocation, pass_invocation
from presence_receiver.cli.output import called, complain, tell
from presence_receiver.cli.secret import NAME, checked, fresh
from presence_receiver.cli.whole_file import write_whole
from presence_receiver.config import LONGEST_SECRET
from presence_receiver.errors import ConfigError, PresenceError, Refused

WHICH = (
    "If you log in at an address that ends in extremecloudiq.com, take extremecloudiq; otherwise take hivemanager, "
    "with version beta, or v1 where beta is not found."
)

HIVEMANAGER = {
    "HIVEMANAGER_URL": "Data centre, such as https://cloud-va.aerohive.com",
    "HIVEMANAGER_API_VERSION": "Version of the API, beta or v1",
    "HIVEMANAGER_CLIENT_ID": "Client ID, of the developer portal",
    "HIVEMANAGER_CLIENT_SECRET": "Client secret, of the developer portal",
    "HIVEMANAGER_REDIRECT_URI": "Redirect URI, of the developer portal",
    "HIVEMANAGER_ACCESS_TOKEN": "Access token, of Global Settings, API Token Management",
    "HIVEMANAGER_OWNER_ID": "Owner ID, the VHM ID in the About box",
}
EXTREMECLOUDIQ = {
    "EXTREMECLOUDIQ_URL": "Address of the API",
    "EXTREMECLOUDIQ_ACCESS_TOKEN": "Access token, of Global Settings, API Token Management",
}
QUESTIONS = {"hivemanager": HIVEMANAGER, "extremecloudiq": EXTREMECLOUDIQ}
DEFAULTS = {"HIVEMANAGER_API_VERSION": "beta", "EXTREMECLOUDIQ_URL": "https://api.extremecloudiq.com"}

HIDDEN = re.compile("TOKEN|SECRET")
BARE = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


@click.command("init")
@click.argument("file", default=".env", type=click.Path(dir_okay=False, path_type=Path))
@pass_invocation
def command(invocation: Invocation, file: Path) -> None:
    """Write the env file for `register`, asking what goes in.

    FILE, .env where none is given, is for you alone to read, and is not
    overwritten unless you say so. What was typed is tried with a list of the
    account's subscriptions.

    \b
    Example: presence-cli init
    """
    if not sys.stdin.isatty():
        raise Refused(f"init asks questions, which needs a terminal: without one write {file} by hand, as "
                      "presence_receiver/subscriptions/README.rst says.")
    if file.exists() and not click.confirm(f"{file} exists. Write it anew?", err=True):
        raise Refused("Nothing was written.")
    values = asked(invocation)
    write(file, values)
    tell(f"Wrote {file}, which only you can read.")
    try_it(invocation, file, values)
    tell("When the receiver runs with the same PRESENCE_SECRET, go on with its own URL:")
    for name in ("doctor", "register"):
        click.echo(f"    {called()} --env-file {file} {name} https://example.org/presence", err=True)


def asked(invocation: Invocation) -> dict[str, str]:
    """Return the settings as they were typed, each as often as it takes; secrets are not shown."""
    tell(WHICH)
    api = click.prompt("Vendor's API", default="hivemanager", type=click.Choice([*QUESTIONS]), err=True)
    values = {"PRESENCE_API": api}
    for name, question in QUESTIONS[api].items():
        while not values.get(name) or is_refused(invocation, values, name):
            values[name] = prompt(question, DEFAULTS.get(name), is_hidden=bool(HIDDEN.search(name)))
    return values | {"PRESENCE_SECRET": feed_secret(invocation.environment.get("PRESENCE_SECRET"))}


def is_refused(invocation: Invocation, values: dict[str, str], name: str) -> bool:
    """Return whether a command that reads these values would refuse this one, and say why."""
    fault = invocation.with_values(values).fault(name)
    if fault:
        complain(fault)
    return fault is not None


def feed_secret(given: str | None) -> str:
    """Return the secret that is typed, as often as it takes; else the one that is set already, or a new one."""
    question = f"{NAME}; Enter {'keeps the one that is set' if given else 'makes one'}"
    while True:
        secret = prompt(question, "", is_hidden=True) or given
        try:
            return checked(secret, "HiveManager", LONGEST_SECRET) if secret else fresh()
        except ConfigError as error:
            complain(str(error))


def prompt(question: str, default: str | None, *, is_hidden: bool) -> str:
    """Return the answer, without blanks around it."""
    answer: str = click.prompt(f"{question} (not shown)" if is_hidden else question, default=default,
                               hide_input=is_hidden, show_default=bool(default), err=True)
    return answer.strip()


def write(path: Path, values: Mapping[str, str]) -> None:
    """Write the env file for its owner alone; it is whole, or what it was."""
    words = "".join(f"{name}={quoted(value)}\n" for name, value in values.items())
    try:
        write_whole(path, words, 0o600)
    except OSError as failure:
        raise ConfigError(f"{path} cannot be written ({failure.strerror}): give another FILE.") from None


def quoted(value: str) -> str:
    """Return the value as an env file has it."""
    if BARE.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def try_it(invocation: Invocation, file: Path, values: dict[str, str]) -> None:
    """Ask the vendor for the account's subscriptions; what fails says that the file stays."""
    try:
        count = len(invocation.with_values(values).api.list())
    except PresenceError as error:
        raise ConfigError(*error.args, f"{file} is written all the same: correct it there, and try "
                                       f"`{called()} --env-file {file} list`.") from None
    tell(f"The account answers; it has {count} subscription{'' if count == 1 else 's'}.")

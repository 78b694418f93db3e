"""Where the feed's secret comes from (never from an argument, which `ps` shows) and what it looks like."""

import re
import secrets
import sys
from base64 import b64encode
from typing import BinaryIO

import click

from presence_receiver.cli.invocation import Invocation
from presence_receiver.errors import ConfigError
from presence_receiver.config import SHORTEST_SECRET

VISIBLE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")

NAME = "The receiver's PRESENCE_SECRET"
"""What it is called where it is asked for, beside secrets of the vendor's."""

secret_file = click.option("--secret-file", type=click.File("rb"), metavar="FILE",
                           help="Read the secret from FILE (- is stdin), not from PRESENCE_SECRET.")


def feed_secret(invocation: Invocation, file: BinaryIO | None, is_new: bool = False) -> str:
    """Return the secret from the file, PRESENCE_SECRET or a hidden prompt, in this order; `is_new` asks twice."""
    if file:
        try:
            secret = file.read().decode("latin-1").rstrip("\r\n")
        except OSError as failure:
            raise ConfigError(f"{file.name} cannot be read ({failure.strerror}): give another --secret-file.") from None
    else:
        secret = invocation.environment.get("PRESENCE_SECRET") or asked(is_new)
    invocation.mask.add(secret)
    return secret


def asked(is_new: bool) -> str:
    """Return what is typed without an echo; raise ConfigError where there is no terminal."""
    if not sys.stdin.isatty():
        raise ConfigError("PRESENCE_SECRET is not set: put it into the environment, "
                          "into a file for --env-file, or give --secret-file.")
    secret: str = click.prompt(f"{NAME} (not shown)", hide_input=True, confirmation_prompt=is_new, err=True)
    return secret


def checked(secret: str, vendor: str = "", longest: int | None = None) -> str:
    """Return the secret; raise ConfigError where the vendor or a header could not carry it whole."""
    if len(secret) < SHORTEST_SECRET:
        raise ConfigError(f"The secret must have at least {SHORTEST_SECRET} characters; "
                          "`presence-cli new-secret` makes one.")
    if longest and len(secret) > longest:
        raise ConfigError(f"The secret must have at most {longest} characters, since {vendor} takes no more; "
                          "`presence-cli new-secret` makes one.")
    if not VISIBLE.fullmatch(secret):
        raise ConfigError("The secret must be plain ASCII without spaces around it; "
                          "`presence-cli new-secret` makes one.")
    return secret


def fresh() -> str:
    """Return 32 characters: base64 of `ah:` and 21 random ones, so both a raw token and an RFC 7617 credential."""
    return b64encode(f"ah:{secrets.token_urlsafe(16)[:21]}".encode()).decode()

"""The command line: its options, and the one place where errors become a line and an exit status.

A command is one module with a `command`, and one line in CORE or EXTRAS. Its module is imported when it
is run, so that help stays quick. Nothing here knows an API.
"""

import difflib
import errno
import sys
from importlib import import_module
from typing import Any

import click

from presence_receiver import __version__
from presence_receiver.cli.invocation import APIS, Invocation, read_environment
from presence_receiver.cli.number import Number
from presence_receiver.cli.output import complain
from presence_receiver.cli.streams import forget_output, is_of_output, open_closed
from presence_receiver.errors import PresenceError

INTERRUPTED = 130

DOCUMENTATION = "Documentation: README.rst in the repository, and a README.rst in each folder of presence_receiver."

CORE = {
    "init": ("cli.init", "Write the env file for `register`, asking what goes in."),
    "register": ("cli.register", "Create the subscription that posts to URL."),
    "list": ("cli.list", "Show the account's subscriptions."),
    "delete": ("cli.delete", "Delete subscriptions by ID, or all that post to a URL."),
    "message-types": ("cli.message_types", "Show what can be subscribed to."),
    "new-secret": ("cli.new_secret", "Make a secret for PRESENCE_SECRET."),
    "help": ("cli.help", "Show what presence-cli or one of its commands does."),
}
EXTRAS = {
    "send": ("extras.probe.send_command", "Post one delivery to URL as HiveManager does."),
    "rejected": ("extras.replay.rejected_command", "Show why observations were rejected, and what replay would do."),
    "replay": ("extras.replay.command", "Judge rejected lines again and append what is good now."),
    "simulate": ("extras.simulation.command", "Send deliveries to URL as HiveManager would."),
    "status": ("extras.probe.status_command", "Say whether the receiver at URL is ready and what it gets."),
    "doctor": ("extras.probe.doctor_command", "Check what HiveManager will demand of URL."),
    "report": ("extras.report.command", "Show what came in, straight from the files."),
    "collect": ("extras.bucket.command", "Write what receivers put into a bucket to files."),
    "check-bucket": ("extras.bucket.check_command", "Try whether a bucket does what is needed."),
    "new-key": ("extras.privacy.new_key_command", "Make a key for PRESENCE_MAC_KEY."),
    "find": ("extras.privacy.find_command", "Show all stored lines of a device."),
    "forget": ("extras.privacy.forget_command", "Take devices out of the closed files."),
}
COMMANDS = CORE | EXTRAS
"""Each command's module, which has a `command`, and its line in the help."""


class Commands(click.Group):
    """Finds commands by module name and answers for every error that this package raises on purpose."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table: by importance."""
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = import_module(f"presence_receiver.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say what may have been meant where there is no such command."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            nearest = difflib.get_close_matches(args[0], COMMANDS, 1)
            meant = f"Did you mean {nearest[0]!r}?" if nearest else "See `presence-cli help`."
            ctx.fail(f"No such command {args[0]!r}. {meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help from the table, so that it imports no command."""
        for title, commands in (("Commands", CORE), ("Extras", EXTRAS)):
            with formatter.section(title):
                formatter.write_dl([(name, line) for name, (_, line) in commands.items()])

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command; end the process with 0, 1 (refused or failed), 2 (usage) or 130 (interrupted)."""
        extra["standalone_mode"] = False
        try:
            status = super().main(*args, **extra)
            sys.stdout.flush()
            sys.exit(status or 0)
        except click.ClickException as error:
            self._explained(error).show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            sys.exit(INTERRUPTED)
        except PresenceError as error:
            complain(" ".join(map(str, error.args)))
            sys.exit(1)
        except UnicodeEncodeError as error:
            if error.encoding == "utf-8":
                raise
            missing = ascii(error.object[error.start])
            complain(f"The output cannot be written: {error.encoding} has no {missing}. Set PYTHONIOENCODING=utf-8.")
            sys.exit(1)
        except OSError as error:
            if not is_of_output(error):
                raise
            forget_output()
            if error.errno != errno.EPIPE:
                complain(f"The output cannot be written: {error.strerror}.")
            sys.exit(1)

    def _explained(self, error: click.ClickException) -> click.ClickException:
        """Return the error; of an option that all commands share, and that one of them got, where it belongs."""
        if isinstance(error, click.NoSuchOption) and any(error.option_name in each.opts for each in self.params):
            return click.UsageError(f"{error.option_name} goes before the command.", error.ctx)
        return error


@click.group("presence-cli", cls=Commands, epilog=DOCUMENTATION,
             context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--api", type=click.Choice([*APIS]), help="Whose API.  [PRESENCE_API; default: hivemanager]")
@click.option("--env-file", envvar="PRESENCE_ENV_FILE", metavar="FILE",
              type=click.Path(exists=True, dir_okay=False, readable=True),
              help="Settings and credentials; what the environment holds wins.  [PRESENCE_ENV_FILE]")
@click.option("--timeout", type=Number(0, 86_400, min_open=True), default=30.0, metavar="SECONDS",
              help="How long a call may take, repetitions included.  [default: 30]")
@click.option("-v", "--verbose", is_flag=True, help="Show requests and answers, credentials as ***.")
@click.version_option(__version__, "-V", "--version", prog_name="presence-cli")
@click.pass_context
def cli(ctx: click.Context, api: str | None, env_file: str | None, timeout: float, verbose: bool) -> None:
    """Manage where HiveManager or ExtremeCloud IQ posts presence data.

    Credentials come from the environment or an env file, never from arguments.

    \b
    Example: presence-cli --env-file .env register https://example.org/presence
    """
    ctx.obj = Invocation(read_environment(env_file), api, timeout, verbose)


def main() -> None:
    """Run the console script."""
    open_closed()
    cli.main()

"""The command line: how every command is called, asks and speaks, and the commands of the core.

Knows no vendor's API and no deliveries. An extra's command stands with its extra.
"""
from typing import TYPE_CHECKING

from presence_receiver.faces import face

if TYPE_CHECKING:
    from presence_receiver.cli.age import in_seconds
    from presence_receiver.cli.folder import data_dir, receivers_folder
    from presence_receiver.cli.invocation import Invocation, pass_invocation
    from presence_receiver.cli.number import Number
    from presence_receiver.cli.output import as_json, cell, console, counted, progress, tell, warn
    from presence_receiver.cli.secret import checked, feed_secret, secret_file
    from presence_receiver.cli.url import checked_url, insecure_http
    from presence_receiver.cli.whole_file import write_whole

__getattr__ = face(__name__, __file__)

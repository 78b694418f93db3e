"""Posts a simulation's deliveries, and ends it at once where every one of them would be refused."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from presence_receiver.cli import Invocation
from presence_receiver.errors import CallFailed, Refused
from presence_receiver.extras.simulation import accounting
from presence_receiver.extras.simulation.tally import Tally
from presence_receiver.http_client import REMEDIES, Answer, deliver


def posting(invocation: Invocation, url: str, secret: str, tally: Tally,
            folder: Path | None) -> Callable[[bytes], Answer]:
    """Return what posts a body to the URL: CallFailed where no answer comes, Refused where none ever would.

    The folder, where the lines are looked for at the end, may be missing only until the first of them is stored.
    """
    if folder and folder.exists():
        accounting.check(folder)

    def post(body: bytes) -> Answer:
        is_first = not tally.statuses
        try:
            answer = deliver(url, secret, body, False, invocation.timeout, invocation.trace)
        except CallFailed as error:
            if is_first:
                raise Refused(str(error)) from None
            raise
        if answer.status in REMEDIES:
            raise Refused(f"{url} answered {answer.status}: {REMEDIES[answer.status]}")
        if is_first and folder and answer.status == 200:
            accounting.check(folder)
        return answer

    return post

"""Calls one vendor's API: what a lost or odd answer means for somebody who wants to know what was done.

It knows no vendor, only the name of the setting that holds the address, for its messages.
"""

from collections.abc import Mapping
from typing import Any

import requests

from presence_receiver.errors import CallFailed, OutcomeUnknown
from presence_receiver.http_client import Answer, Tell, Trace, open_session, parse, persist, reason, send, was_not_sent
from presence_receiver.mask import Mask, one_line


class Caller:
    """Calls one API with one set of credentials. `name` is the setting that holds its address."""

    def __init__(self, name: str, base: str, headers: Mapping[str, str], timeout: float,
                 trace: Trace, tell: Tell) -> None:
        self._name, self._base, self._headers = name, base, headers
        self._timeout, self._trace, self._tell = timeout, trace, tell

    def call(self, method: str, path: str, **content: Any) -> Answer:
        """Return the answer, whatever its status; raise CallFailed, or OutcomeUnknown if it may have been done."""
        try:
            with open_session(self._headers) as session:
                answer = parse(self._response(session, method, self._base + path, content))
        except requests.RequestException as error:
            raise self._no_answer(method, error) from None
        return self._understood(method, answer)

    def _response(self, session: requests.Session, method: str, url: str,
                  content: dict[str, Any]) -> requests.Response:
        """Return the whole answer; only GET is ever asked again."""
        def attempt(seconds: float) -> requests.Response:
            return send(session, method, url, seconds, self._trace, **content)

        if method != "GET":
            return attempt(self._timeout)
        return persist(attempt, self._timeout, lambda words: self._tell(f"{self._name}: {words}"))

    def _no_answer(self, method: str, error: requests.RequestException) -> CallFailed:
        kind = CallFailed if was_not_sent(error) else unsure(method)
        return kind(f"{self._name} does not answer ({reason(error)}): check the address and your network.")

    def _understood(self, method: str, answer: Answer) -> Answer:
        if 300 <= answer.status < 400:
            raise CallFailed(f"{self._name} answered {answer.status} and points to {answer.target}: "
                             "nothing was sent there. Put the API's own address into the setting.")
        if answer.is_success and answer.what not in ("JSON", "no body"):
            raise unsure(method)(f"{self._name} answered {answer.status} with {answer.what}: "
                                 "check that it is the API's address.")
        return answer


def unsure(method: str) -> type[CallFailed]:
    """Return the error for a call that was sent and not understood: all but GET may have been carried out."""
    return CallFailed if method == "GET" else OutcomeUnknown


def told(mask: Mask, answer: Answer, words: str) -> str:
    """Return an answer's status and the API's own words, or what came instead, as one masked line."""
    return one_line(mask(f"{answer.status}{words or f', with {answer.what}'}"))


def refusal(vendor: str, method: str, status: int, said: str, remedies: Mapping[int, str]) -> CallFailed:
    """Return the error for a call that was refused, with the remedy of its status where the vendor has one.

    A server that failed (5xx) may have done it all the same.
    """
    if status in remedies:
        return CallFailed(remedies[status].format(said=said))
    if status >= 500 or status == 429:
        return (unsure(method) if status >= 500 else CallFailed)(f"{vendor} failed ({said}): try again later.")
    return CallFailed(f"{vendor} refused the call ({said}): correct what it names.")

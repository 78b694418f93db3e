"""Every HTTP call that leaves this package, with what must hold for each of them.

Credentials go to the address they are meant for and nowhere else: no redirect is followed, ~/.netrc is
not read (a proxy named in the environment is used). The timeout is the whole call's, and an answer has an end. It
knows no vendor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import LocationParseError

from presence_receiver.errors import ConfigError
from presence_receiver.http_client.failures import AnswerTooLarge, NotSent
from presence_receiver.http_client.patience import within
from presence_receiver.http_client.trace import Trace, trace_answer, trace_request
from presence_receiver.mask import one_line

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes, inflated."""
PIECE = 64 * 1024


class Credentials(requests.auth.AuthBase):
    """Headers with credentials. An `auth`, since without one requests lets ~/.netrc replace Authorization."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers)
        return request


class Session(requests.Session):
    """Follows no redirect and does not look where one leads: credentials stay with whom they are for."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None, which means: no redirect."""


@dataclass(frozen=True)
class Answer:
    """`body` is parsed JSON, or None where `what` came instead; `target` is where a redirect points."""

    status: int
    body: Any
    what: str
    target: str

    @property
    def is_success(self) -> bool:
        """Any 2xx."""
        return 200 <= self.status < 300


def open_session(headers: Mapping[str, str]) -> requests.Session:
    """Return a session that carries these credentials and repeats nothing by itself."""
    session = Session()
    session.auth = Credentials(headers)
    return session


def send(session: requests.Session, method: str, url: str, timeout: float, trace: Trace,
         **content: Any) -> requests.Response:
    """Return the answer, read to its end within `timeout` seconds; trace both. Raise what requests raises.

    ConfigError where no header can carry a credential.
    """
    request = session.prepare_request(requests.Request(method, url, **content))
    trace_request(request, trace)
    surroundings = session.merge_environment_settings(str(request.url), {}, False, None, None)
    try:
        response = within(timeout, lambda: _answer(session, request, timeout, surroundings))
    except requests.RequestException:
        raise
    except LocationParseError:
        raise NotSent("its host name is malformed") from None
    except UnicodeEncodeError:
        raise ConfigError("A secret or an access token has a character that an HTTP header cannot carry: "
                          "`presence-cli new-secret` makes a secret without.") from None
    except OSError:
        raise NotSent("the certificates that REQUESTS_CA_BUNDLE names cannot be read") from None
    trace_answer(response, trace)
    return response


def _answer(session: requests.Session, request: requests.PreparedRequest, timeout: float,
            surroundings: Mapping[str, Any]) -> requests.Response:
    """Return the answer with its whole body, as requests would leave it; AnswerTooLarge beyond the limit."""
    surroundings = {**surroundings, "stream": True}
    with session.send(request, timeout=timeout, **surroundings) as response:
        body = bytearray()
        for piece in response.iter_content(PIECE):
            body += piece
            if len(body) > LARGEST_ANSWER:
                raise AnswerTooLarge(f"its answer is larger than {LARGEST_ANSWER // 1024 // 1024} MiB")
        response._content = bytes(body)  # where requests itself keeps what was read
    return response


def parse(response: requests.Response) -> Answer:
    """Return it without ever raising: what is not JSON is named in `what`."""
    if not response.content.strip():
        return Answer(response.status_code, None, "no body", target(response))
    try:
        return Answer(response.status_code, response.json(), "JSON", target(response))
    except (ValueError, RecursionError):  # an integer of 5,000 digits is no JSONDecodeError
        is_page = "html" in response.headers.get("Content-Type", "")
        what = "an HTML page" if is_page else "something that is not JSON"
        return Answer(response.status_code, None, what, target(response))


def target(response: requests.Response) -> str:
    """Return the host that a redirect names; the rest of its URL may repeat what was sent."""
    try:
        host = urlsplit(response.headers.get("Location", "")).netloc.rpartition("@")[2]
    except ValueError:
        return "what is no URL"
    return one_line(host) or "another path"

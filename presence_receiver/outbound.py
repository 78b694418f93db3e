"""Every HTTP call that leaves this package, with what must hold for each of them.

Credentials go to the address they are meant for and nowhere else: no redirect is followed, ~/.netrc is
not read (a proxy named in the environment is used). Only GET is ever repeated. It knows no vendor, only
the name of the setting that holds the address, for its messages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import LocationParseError
from urllib3.util.retry import Retry

from presence_receiver.errors import CallFailed, OutcomeUnknown
from presence_receiver.mask import one_line
from presence_receiver.no_answer import NotSent, reason, was_not_sent
from presence_receiver.trace import Trace, trace_answer, trace_request

RETRIES = 3
BACK_OFF = 0.5  # seconds; doubled each time
LONGEST_RETRY_AFTER = 60  # seconds; urllib3's own default is six hours
WORTH_REPEATING = frozenset({429, 502, 503, 504})


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
        """None means: no redirect."""


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


class Caller:
    """Calls one API with one set of credentials. `name` is the setting that holds its address."""

    def __init__(self, name: str, base: str, headers: Mapping[str, str], timeout: float,
                 trace: Trace) -> None:
        self._name, self._base, self._headers = name, base, headers
        self._timeout, self._trace = timeout, trace

    def call(self, method: str, path: str, **content: Any) -> Answer:
        """The answer, whatever its status; raises CallFailed, or OutcomeUnknown if it may have been done."""
        try:
            with open_session(self._headers) as session:
                answer = parse(self._read_whole(session, method, self._base + path, content))
        except requests.RequestException as error:
            raise self._no_answer(method, error) from None
        return self._understood(method, answer)

    def _read_whole(self, session: requests.Session, method: str, url: str,
                    content: dict[str, Any]) -> requests.Response:
        """GET is repeated where the answer breaks off: urllib3 repeats only until the headers are there."""
        for _ in range(RETRIES if method == "GET" else 0):
            try:
                return send(session, method, url, self._timeout, self._trace, **content)
            except requests.exceptions.ChunkedEncodingError:
                continue
        return send(session, method, url, self._timeout, self._trace, **content)

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


def open_session(headers: Mapping[str, str], retries: int = RETRIES) -> requests.Session:
    """A session that carries these credentials and repeats GET only."""
    session = Session()
    session.auth = Credentials(headers)
    retry = Retry(total=retries, allowed_methods={"GET"}, status_forcelist=WORTH_REPEATING,
                  backoff_factor=BACK_OFF, retry_after_max=LONGEST_RETRY_AFTER, redirect=False,
                  raise_on_status=False)
    session.mount("https://", HTTPAdapter(max_retries=retry))
    session.mount("http://", HTTPAdapter(max_retries=retry))
    return session


def send(session: requests.Session, method: str, url: str, timeout: float, trace: Trace,
         **content: Any) -> requests.Response:
    """One request, its answer read to the end, both traced. Raises what requests raises."""
    request = session.prepare_request(requests.Request(method, url, **content))
    trace_request(request, trace)
    surroundings = session.merge_environment_settings(str(request.url), {}, False, None, None)
    try:
        response = session.send(request, timeout=timeout, **surroundings)
    except requests.RequestException:
        raise
    except LocationParseError:
        raise NotSent("its host name is malformed") from None
    except OSError:
        raise NotSent("the certificates that REQUESTS_CA_BUNDLE names cannot be read") from None
    trace_answer(response, trace)
    return response


def parse(response: requests.Response) -> Answer:
    """Never raises: what is not JSON is named in `what`."""
    if not response.content.strip():
        return Answer(response.status_code, None, "no body", target(response))
    try:
        return Answer(response.status_code, response.json(), "JSON", target(response))
    except (ValueError, RecursionError):  # an integer of 5,000 digits is no JSONDecodeError
        is_page = "html" in response.headers.get("Content-Type", "")
        what = "an HTML page" if is_page else "something that is not JSON"
        return Answer(response.status_code, None, what, target(response))


def target(response: requests.Response) -> str:
    """The host that a redirect names; the rest of its URL may repeat what was sent."""
    try:
        host = urlsplit(response.headers.get("Location", "")).netloc.rpartition("@")[2]
    except ValueError:
        return "what is no URL"
    return one_line(host) or "another path"


def unsure(method: str) -> type[CallFailed]:
    """The error for a call that was sent and not understood: all but GET may have been carried out."""
    return CallFailed if method == "GET" else OutcomeUnknown


def failure(method: str, status: int) -> type[CallFailed]:
    """The error for a call that was refused: a server that failed (5xx) may have done it all the same."""
    return unsure(method) if status >= 500 else CallFailed

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

from presence_receiver.http_client.failures import NotSent
from presence_receiver.http_client.trace import Trace, trace_answer, trace_request
from presence_receiver.mask import one_line

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

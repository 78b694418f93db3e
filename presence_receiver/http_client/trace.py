"""What --verbose shows of a request and of its answer, line by line.

It masks nothing: whoever gives the `Trace` shows what comes through a mask.
"""

from collections.abc import Callable

from requests import PreparedRequest, Response
from urllib3.util import SKIP_HEADER

Trace = Callable[[str], None]

LISTS = ("Accept-Charset",)
"""Headers with so many values that nobody reads them."""

# Of an answer, only what explains something: cookies are credentials too.
HEADERS = ("Content-Type", "Content-Length", "Location", "Retry-After")


def trace_request(request: PreparedRequest, trace: Trace) -> None:
    """Show the request line, the headers that are sent, and the body where it is text."""
    trace(f"> {request.method} {request.url}")
    for name, value in request.headers.items():
        text = value if isinstance(value, str) else value.decode("latin-1")
        if text != SKIP_HEADER:  # urllib3's way to leave a header out
            trace(f"> {name}: {shortened(text) if name in LISTS else text}")
    if request.body:
        trace(f"> {shown(request)}")


def shortened(values: str) -> str:
    """Return the first and the last of a list, and how many there are."""
    listed = values.split(", ")
    return values if len(listed) < 5 else f"{listed[0]}, … {listed[-1]} ({len(listed)} in all)"


def shown(request: PreparedRequest) -> str:
    """Return the body, or how much there is of one that is compressed."""
    body = request.body if isinstance(request.body, bytes) else str(request.body).encode()
    if request.headers.get("Content-Encoding") == "gzip":
        return f"({len(body):,} bytes of gzip)"
    return body.decode("utf-8", "replace")


def trace_answer(response: Response, trace: Trace) -> None:
    """Show the status, the headers that explain something, and the body."""
    trace(f"< {response.status_code} {response.reason}")
    for name in HEADERS:
        if name in response.headers:
            trace(f"< {name}: {response.headers[name]}")
    if response.content:
        trace(f"< {response.content.decode('utf-8', 'replace')}")

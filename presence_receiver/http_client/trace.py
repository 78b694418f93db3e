"""What --verbose shows of a request and of its answer, line by line.

It masks nothing: whoever gives the `Trace` shows what comes through a mask.
"""

from collections.abc import Callable

from requests import PreparedRequest, Response

Trace = Callable[[str], None]

# Of an answer, only what explains something: cookies are credentials too.
HEADERS = ("Content-Type", "Content-Length", "Location", "Retry-After")


def trace_request(request: PreparedRequest, trace: Trace) -> None:
    """Show the request line, the headers, and the body where it is text."""
    trace(f"> {request.method} {request.url}")
    for name, value in request.headers.items():
        trace(f"> {name}: {value if isinstance(value, str) else value.decode('latin-1')}")
    if request.body:
        body = request.body if isinstance(request.body, bytes) else str(request.body).encode()
        trace(f"> {body.decode('utf-8', 'replace')}")


def trace_answer(response: Response, trace: Trace) -> None:
    """Show the status, the headers that explain something, and the body."""
    trace(f"< {response.status_code} {response.reason}")
    for name in HEADERS:
        if name in response.headers:
            trace(f"< {name}: {response.headers[name]}")
    if response.content:
        trace(f"< {response.content.decode('utf-8', 'replace')}")

"""For the worker's tests: an application that answers with the request as it came, and workers that wait little."""
import json

from presence_receiver.server.deadlines import Deadlines
from presence_receiver.server.worker import HttpWorker

LARGE = 16 * 1024 * 1024
HASTY = Deadlines(drain=0.5, head=1, request=2, progress=3, tick=0.1)
KEEP_ALIVE = 4


class HastyWorker(HttpWorker):
    """What it is tested with is as long as a test may wait."""

    deadlines = HASTY


def application(environ, start_response):
    """`[method, path, body]` as JSON, or what else the path says."""
    path, headers = environ["PATH_INFO"], [("Content-Type", "application/json")]
    if path == "/large":
        start_response("200 OK", headers)
        return [b" " * LARGE]
    if path == "/split":
        start_response("200 OK", [("X-Split", "a\r\nb: c")])
        return [b"[]"]
    status = "404 Not Found" if path == "/refused" else "200 OK"
    start_response(status, headers)
    return [json.dumps([environ["REQUEST_METHOD"], path, _body(environ)]).encode()]


def _body(environ):
    """As Latin-1; None where it is not read, "broken" where it cannot be, and where less came than announced."""
    if environ["PATH_INFO"] in ("/refused", "/unread"):
        return None
    try:
        body = environ["wsgi.input"].read()
    except OSError:
        return "broken"
    length = environ.get("CONTENT_LENGTH")
    return "broken" if length and len(body) < int(length) else body.decode("latin-1")

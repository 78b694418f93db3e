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
    """`[method, path, body]` as JSON in the header X-Echo, which a HEAD's answer has too; or what the path says."""
    path, headers = environ["PATH_INFO"], []
    if path == "/large":
        start_response("200 OK", headers)
        return [b" " * LARGE]
    if path == "/split":
        start_response("200 OK", [("X-Split", "a\r\nb: c")])
        return [b"[]"]
    headers = [("X-Echo", json.dumps([environ["REQUEST_METHOD"], path, _body(environ)]))]
    start_response("404 Not Found" if path == "/refused" else "200 OK", headers)
    return [b"{}"]


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

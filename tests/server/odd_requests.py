"""What the reader makes of bytes, in one word or as a value that can be compared; and bytes made odd."""
import random
import re
from urllib.parse import unquote_to_bytes, urlsplit

import h11

from presence_receiver.server.request_reader import RequestReader

HOST = b"Host: x\r\n"
POST = b"POST /presence HTTP/1.1\r\n" + HOST


def served(data, step=None):
    """What comes of these bytes, fed in pieces: (method, path, body) of each request; a status, "broken" or "waits"."""
    reader, found, rest = RequestReader({}), [], b""
    pieces = [data[at:at + step] for at in range(0, len(data), step)] if step else [data]
    for piece in pieces:
        rest = reader.feed(reader.feed(rest + piece))
        while reader.is_complete:
            found.append(request(reader))
            if not reader.keep_alive:
                return found
            reader.expect_next()
            rest = reader.feed(reader.feed(rest))
        if reader.refusal or reader.is_broken:
            return [*found, reader.refusal.status if reader.refusal else "broken"]
    return [*found, "waits"]


def request(reader):
    environ = reader.environ
    return environ["REQUEST_METHOD"], environ["PATH_INFO"], reader.take(reader.size)


def by_h11(data):
    """The same as h11 sees it, and "refused" for a status and "broken".

    It does not ignore empty lines before a request, as RFC 9112 (2.2) wants it: they are taken away here.
    """
    found = []
    try:
        while data := re.sub(rb"\A(\r\n){1,8}", b"", data):
            connection = h11.Connection(h11.SERVER)
            connection.receive_data(data)
            request = one_by_h11(connection)
            found.append(request)
            if request == "waits" or connection.our_state is h11.MUST_CLOSE:
                return found
            data, _ = connection.trailing_data
    except h11.ProtocolError:  # ours too: after CONNECT it has another protocol
        return [*found, "refused"]
    return [*found, "waits"]


def one_by_h11(connection):
    """The next request, which is answered; "waits" where there is not all of it."""
    event, body = connection.next_event(), b""
    if not isinstance(event, h11.Request):
        return "waits"
    target = event.target.decode()
    path = target.split("?")[0] if target.startswith(("/", "*")) else urlsplit(target).path or "/"
    head = event.method.decode(), unquote_to_bytes(path).decode("latin-1")
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    if not isinstance(event, h11.EndOfMessage):
        return "waits"
    connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    return *head, body


STRICTER = {("refused", "request"), ("refused", "waits")}
"""Ours refuses at once what h11 serves or waits for. h11 is laxer with bare line feeds, folded lines, methods that
nobody registered, doubled lengths that agree, `Expect` of any kind, fragments and targets of any form; and it
judges no head before its end."""


def differences(data, whole):
    """How what came of these bytes differs first from what h11 makes of them, where ours is not the stricter one."""
    ours = ["refused" if isinstance(one, int) or one == "broken" else one for one in whole]
    first = next(((one, other) for one, other in zip([*ours, None], [*by_h11(data), None]) if one != other), None)
    kinds = first and tuple("request" if isinstance(one, tuple) else one for one in first)
    return None if kinds in STRICTER else first


SEEDS = [
    POST + b"Content-Length: 2\r\n\r\n[]",
    POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n1\r\n]\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n[]\r\n0\r\nX-Sum: 1\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /healthz HTTP/1.0\r\n\r\n",
    POST + b"Connection: close\r\nContent-Length: 2\r\n\r\n[]",
    POST + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: 2\r\n\r\n[]",
    POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n[]",
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    b"HEAD http://x/a%20b?c=d HTTP/1.1\r\n" + HOST + b"\r\n",
]
ODD = [
    b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b" ", b"\t", b"\x0b", b":", b"_", b",", b"0", b"-", b"\xff", b"#",
    b"%00",
    b"Content-Length: 2\r\n", b"Content-Length: 30\r\n", b"Content_Length: 9\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n", HOST, b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"GET / HTTP/1.1\r\n",
    b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"CONNECT ", b"chunked", b"X: y\r\n z\r\n", b"0\r\n\r\n",
]


def mutants(count, seed=20261124):
    """So many strings of one to three requests, each with one to three odd changes; the same ones for a seed."""
    chance = random.Random(seed)
    for _ in range(count):
        data = b"".join(chance.choices(SEEDS, k=chance.randint(1, 3)))
        for _ in range(chance.randint(1, 3)):
            data = mutant(chance, data)
        yield data


def mutant(chance, data):
    at = chance.randrange(len(data) + 1)
    end = min(len(data), at + chance.choice([0, 0, 1, 1, 2, 10, 40]))
    kind = chance.randrange(4)
    if kind == 0:
        return data[:at] + chance.choice(ODD) + data[end:]
    if kind == 1:
        return data[:at] + data[end:]
    if kind == 2:
        return data[:at] + data[at:end] * 2 + data[end:]
    return data.replace(chance.choice([b"\r\n", b": ", b" ", b"2", b"1.1"]), chance.choice(ODD), chance.randint(1, 3))

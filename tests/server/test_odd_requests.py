"""What the worker makes of requests that are not what they should be: the same whole and in pieces, and as h11."""
import pytest
from odd_requests import HOST, POST, SEEDS, differences, mutants, served

from presence_receiver.server import http_rules
from presence_receiver.server.request_reader import END, RequestReader

GET = b"GET / HTTP/1.1\r\n" + HOST
DELIVERY = ("POST", "/presence", b"[]")
BODY = b"Content-Length: 2\r\n\r\n[]"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"\r\n2\r\n[]\r\n0\r\n\r\n"

REFUSED = {
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "ICE": (b"SOURCE / ICE/1.0\r\n\r\n", 400),
    "RTSP": (b"GET / RTSP/1.0\r\n\r\n", 400),
    "CONNECT": (b"CONNECT x:1 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "two blanks in the request line": (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "two blanks before the version": (b"GET /  HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a tab in the request line": (b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a bare line feed before it": (b"\n" + GET + b"\r\n", 400),
    "a carriage return before it": (b"\r" + GET + b"\r\n", 400),
    "a fragment": (b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a URL that is none": (b"GET http://[x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (GET + HOST + b"\r\n", 400),
    "two Hosts on 1.0": (b"GET / HTTP/1.0\r\n" + HOST + HOST + b"\r\n", 400),
    "Transfer-Encoding on 1.0": (b"POST / HTTP/1.0\r\n" + CHUNKED + CHUNKS, 400),
    "gzip, chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n" + CHUNKS, 501),
    "an empty coding": (POST + b"Transfer-Encoding: , chunked\r\n" + CHUNKS, 501),
    "length and coding": (POST + CHUNKED + BODY, 400),
    "two lengths": (POST + b"Content-Length: 2\r\n" + BODY, 400),
    "bare line feeds": (GET.replace(b"\r\n", b"\n") + b"\n", 400),
    "a folded line": (GET + b"X: y\r\n z\r\n\r\n", 400),
    "an unknown expectation": (POST + b"Expect: magic\r\n" + BODY, 417),
    "a head over 16 KiB": (GET + b"X: " + b"x" * 16_384 + b"\r\n\r\n", 431),
    "empty lines without end": (b"\r\n" * 10, 400),
    "line feeds without end": (b"\n" * 20, 400),
    "a length of more digits than Python takes": (POST + b"Content-Length: " + b"0" * 5_000 + b"2\r\n\r\n[]", 400),
    "101 fields": (GET + b"X: y\r\n" * 100 + b"\r\n", 431),
}

SERVED = {
    "Upgrade": (POST + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n" + BODY, DELIVERY),
    "Upgrade, chunked": (POST + b"Upgrade: h2c\r\nConnection: upgrade\r\n" + CHUNKED + CHUNKS, DELIVERY),
    "Upgrade without a body": (GET + b"Upgrade: h2c\r\nConnection: upgrade\r\n\r\n", ("GET", "/", b"")),
    "trailers": (POST + CHUNKED + CHUNKS[:-2] + b"X-Sum: 1\r\nHost: y\r\n\r\n", DELIVERY),
    "an underscore": (POST + b"Content_Length: 9\r\n" + BODY, DELIVERY),
    "an extension of a chunk": (POST + CHUNKED + CHUNKS.replace(b"2\r\n", b"2;a=b\r\n"), DELIVERY),
    "an empty line before it": (b"\r\n" + POST + BODY, DELIVERY),
    "empty lines before it": (b"\r\n" * 8 + POST + BODY, DELIVERY),
    "a whole URL": (b"GET http://x/a?b HTTP/1.1\r\n" + HOST + b"\r\n", ("GET", "/a", b"")),
    "a chunked body with empty lines": (
        POST + CHUNKED + b"\r\n6\r\n[\r\n\r\n]\r\n0\r\n\r\n", (*DELIVERY[:2], b"[\r\n\r\n]")),
}


@pytest.mark.parametrize("step", [None, 1, 7])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name, step):
    data, status = REFUSED[name]
    assert served(data + SEEDS[0], step) == [status]


@pytest.mark.parametrize("step", [None, 1, 7])
@pytest.mark.parametrize("name", SERVED)
def test_what_is_served_and_the_connection_after_it(name, step):
    data, request = SERVED[name]
    assert served(data + SEEDS[0], step) == [request, DELIVERY, "waits"]


def test_http_1_0_needs_no_host_and_ends_the_connection():
    assert served(b"GET /healthz HTTP/1.0\r\n\r\n" + SEEDS[0]) == [("GET", "/healthz", b"")]


def test_trailers_without_end_are_broken_framing():
    assert served(POST + CHUNKED + b"\r\n0\r\nX: " + b"x" * 20_000) == ["broken"]


def test_no_body_is_parsed_before_it_is_asked_for_and_no_second_request_ahead():
    for seed, head in (SEEDS[0], len(SEEDS[0]) - 2), (SEEDS[1], SEEDS[1].index(END) + 4):
        reader = RequestReader({})
        assert reader.feed(seed * 3) == (seed * 3)[head:] and not reader.pieces
        assert reader.feed((seed * 3)[head:]) == seed * 2
        assert reader.take(3) == b"[]"


def test_empty_lines_are_no_beginning():
    reader = RequestReader({})
    assert reader.feed(b"\r\n\r\n") == b"" and not reader.has_begun
    reader.feed(b"P")
    assert reader.has_begun


def test_empty_lines_are_soon_enough():
    """Each costs as much as a head: 16 KiB of them took a worker 0.17 s."""
    assert len(RequestReader({}).feed(b"\r\n" * 32_768)) > 65_000


def test_mutants_come_out_the_same_in_pieces_and_as_h11_has_them():
    for data in mutants(2_000):
        whole = served(data)
        assert [served(data, step) for step in (1, 7)] == [whole] * 2, data
        assert differences(data, whole) is None, data


def test_names_that_strangers_invent_are_not_remembered_without_end():
    for number in range(2 * http_rules.KNOWN_KEYS):
        http_rules.add_field({}, b"X-%d" % number, b"x")
    assert len(http_rules._keys) <= http_rules.KNOWN_KEYS

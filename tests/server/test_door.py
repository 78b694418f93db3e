"""What a stranger may try on a connection, with a running worker: what is answered, and what is left behind."""
import socket
import struct

import pytest
from echoing import descriptors, echo
from running import free_port, wait_until
from test_mutants import all_of, outcome

HOST = b"Host: x\r\n"
GET = b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = b"Transfer-Encoding: chunked\r\n"
UNREAD = POST.replace(b"/ ", b"/unread ")
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
GOT, POSTED = ("GET", "/a", b""), ("POST", "/", b"[]")
EXPECT = b"Expect: 100-continue\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def sized(body):
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def chunked(body):
    return CHUNKED + b"\r\n%X\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One for all; none of its workers may die, and a traceback is logged only for what the application does."""
    with echo(tmp_path_factory.mktemp("echo")) as one:
        workers = one.workers()
        yield one
        assert one.workers() == workers
        assert one.text().count("Traceback") == one.text().count("Error handling request GET /split")


def connected(server):
    return socket.create_connection(("127.0.0.1", server.port), 10)


def said(server, *pieces):
    """All that is answered to these pieces and their end."""
    with connected(server) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        return all_of(connection)


@pytest.mark.parametrize("sent, expected", [
    (GET * 50, [GOT] * 50 + ["waits"]),
    (GET + POST + sized(b"[]") + b"GET /\r\n\r\n" + GET, [GOT, POSTED, 400]),
    (GET + b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", [GOT, 400]),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + GET, [400]),
    (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n" + GET, [("OPTIONS", "*", b""), GOT, "waits"]),
    (b"HEAD http://y:1/%61%2f%e4?b HTTP/1.1\r\n" + HOST + b"\r\n" + GET, [("HEAD", "/a/\xe4", b""), GOT, "waits"]),
    (b"GET /a/../b//%2e%2e HTTP/1.1\r\n" + HOST + b"\r\n", [("GET", "/a/../b//..", b""), "waits"]),
    (POST + chunked(SMUGGLED) + GET, [("POST", "/", SMUGGLED), GOT, "waits"]),
    (POST + sized(SMUGGLED) + GET, [("POST", "/", SMUGGLED), GOT, "waits"]),
    (POST + b"Connection: close\r\n" + sized(b"[]") + SMUGGLED, [POSTED]),
    (POST + b"Transfer-Encoding: chunked, identity\r\n" + sized(b"")[17:] + SMUGGLED, [400]),
    (POST + b"Transfer-Encoding\r\n : chunked\r\n" + sized(SMUGGLED), [400]),
    (POST + b"Transfer-Encoding:\x0bchunked\r\n" + sized(SMUGGLED), [400]),
    (POST + b"Upgrade: h2c\r\nConnection: upgrade, close\r\n" + sized(b"[]") + SMUGGLED, [POSTED]),
    (POST + b"Upgrade: websocket\r\nConnection: upgrade\r\n" + chunked(SMUGGLED) + GET,
     [("POST", "/", SMUGGLED), GOT, "waits"]),
    (POST + CHUNKED + b"\r\n" + b"1;a=\"b\"\r\n[\r\n" * 5_000 + b"0\r\n\r\n" + GET,
     [("POST", "/", b"[" * 5_000), GOT, "waits"]),
])
def test_what_is_answered(sent, expected, server):
    assert outcome(said(server, sent)) == expected


@pytest.mark.parametrize("framed", [sized, chunked])
def test_a_body_that_nobody_reads_is_no_request(framed, server):
    for pieces in [UNREAD + framed(SMUGGLED)], [UNREAD + framed(SMUGGLED)[:-len(SMUGGLED)], SMUGGLED]:
        answer = said(server, *pieces, GET)
        assert answer.count(b"HTTP/1.1 ") == 1 and b"\r\nConnection: close\r\n" in answer


def test_nothing_is_answered_after_a_refusal(server):
    assert said(server, GET.replace(b"/a", b"/refused") + GET, GET).count(b"HTTP/1.1 ") == 1


def test_an_answer_that_would_split_is_the_applications_failure(server):
    answer = said(server, GET.replace(b"/a", b"/split") + GET)
    assert answer.startswith(b"HTTP/1.1 500 ") and b"\nb: c" not in answer
    assert outcome(answer[answer.index(b"HTTP/1.1 200"):]) == [GOT, "waits"]


@pytest.mark.parametrize("sent, is_asked", [
    (POST + EXPECT + b"Content-Length: 2\r\n\r\n", True),
    (POST + EXPECT + CHUNKED + b"\r\n", True),
    (POST + EXPECT + sized(b"[]"), False),
    (POST + EXPECT + sized(b"["), False),
    (POST + EXPECT + chunked(b"[]"), False),
    (POST + EXPECT + CHUNKED + b"\r\n2", False),
    (POST + EXPECT + sized(b""), False),
    (POST.replace(b"1.1", b"1.0") + EXPECT + b"Content-Length: 2\r\n\r\n", False),
    (UNREAD + EXPECT + b"Content-Length: 2\r\n\r\n", False),
])
def test_only_who_waits_for_it_is_asked_to_continue(sent, is_asked, server):
    assert said(server, sent).startswith(CONTINUE) == is_asked


def test_a_log_line_holds_no_more_of_a_path_than_tells_what_it_was(server):
    """Lines over a pipe's 4 KiB mix with those of other workers."""
    said(server, GET.replace(b"/a", b"/long" + b"%01" * 5_000))
    wait_until(lambda: "/long" in server.text(), what="the line")
    assert max(len(line) for line in server.text().splitlines() if "/long" in line) < 4_096


def test_who_goes_in_the_middle_leaves_nothing_behind(server):
    """Connections that are reset: while a large answer goes out, within a body, within a head, after an answer."""
    said(server, GET)
    before = descriptors(server)
    for sent in GET.replace(b"/a", b"/large"), POST + b"Content-Length: 9\r\n\r\n[", GET[:9], GET * 9:
        for _ in range(20):
            with connected(server) as connection:
                connection.sendall(sent)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: descriptors(server) == before, what="as many descriptors as before")


def test_ipv6_and_a_unix_socket(tmp_path):
    port, path = free_port(), tmp_path / "socket"
    one = echo(tmp_path, f"--bind [::1]:{port} --bind unix:{path} --bind 127.0.0.1:{port}")
    one.port = port
    with one:
        for family, address in (socket.AF_INET6, ("::1", port)), (socket.AF_UNIX, str(path)):
            with socket.socket(family) as connection:
                connection.connect(address)
                connection.sendall(POST + sized(b"[]"))
                connection.shutdown(socket.SHUT_WR)
                assert outcome(all_of(connection)) == [POSTED, "waits"]
        assert "Traceback" not in one.text()

"""Reading a body: its length, its limit, its encoding, and what is kept of one that broke off."""
import gzip
import io
import tracemalloc

import pytest
from gunicorn.http.errors import InvalidChunkSize

from presence_receiver.errors import BadDelivery, BodyTooLarge, UnsupportedEncoding
from presence_receiver.webhook import body

UNSIZED = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
ZIPPED = {"HTTP_CONTENT_ENCODING": "gzip"}


def sized(content, **headers):
    return {"CONTENT_LENGTH": str(len(content)), "wsgi.input": io.BytesIO(content), **headers}


class Pieces:
    """A stream that hands over one piece at each read; an exception among them is raised in its turn."""

    def __init__(self, *pieces):
        self._pieces = iter(pieces)
        self.asked = []

    def read(self, size):
        self.asked.append(size)
        piece = next(self._pieces, b"")
        if isinstance(piece, Exception):
            raise piece
        assert len(piece) <= size
        return piece


def test_up_to_the_limit():
    assert body.read(sized(b"12345"), 5) == b"12345"
    with pytest.raises(BodyTooLarge) as error:
        body.read(sized(b"123456"), 5)
    assert str(error.value) == "The body has 6 bytes or more; PRESENCE_MAX_BODY_BYTES allows 5."


def test_one_that_is_announced_too_large_is_not_read():
    stream = Pieces(b"123456")
    with pytest.raises(BodyTooLarge):
        body.read({"CONTENT_LENGTH": "6", "wsgi.input": stream}, 5)
    assert stream.asked == []


def test_without_a_length_up_to_the_limit():
    assert body.read(sized(b"12345") | UNSIZED, 5) == b"12345"
    with pytest.raises(BodyTooLarge, match="6 bytes or more"):
        body.read(sized(b"1234567") | UNSIZED, 5)


def test_without_a_length_and_without_an_end_there_is_none():
    assert body.read({"wsgi.input": Pieces(b"the next request")}, 100) == b""


def test_pieces_are_put_together_and_no_more_is_asked_for_than_is_allowed():
    stream = Pieces(b"12", b"34", b"5")
    assert body.read({"CONTENT_LENGTH": "5", "wsgi.input": stream}, 5) == b"12345"
    assert stream.asked == [5, 3, 1]
    stream = Pieces(b"12", b"34", b"5")
    assert body.read({"wsgi.input": stream} | UNSIZED, 5) == b"12345"
    assert stream.asked == [6, 4, 2, 1]


def test_shorter_than_announced_it_broke_off():
    with pytest.raises(BadDelivery) as error:
        body.read(sized(b"12345", CONTENT_LENGTH="9"), 10)
    assert (str(error.value), error.value.body) == ("The body broke off after 5 of 9 bytes.", b"12345")


@pytest.mark.parametrize("failure", [InvalidChunkSize(b"x"), ConnectionResetError()])
@pytest.mark.parametrize("after, kept", [((b"", ), b"12"), ((b"34",), b"1234"), ((OSError(),), b"12")])
def test_what_came_before_the_framing_broke_is_kept(failure, after, kept):
    with pytest.raises(BadDelivery) as error:
        body.read({"wsgi.input": Pieces(b"12", failure, *after)} | UNSIZED, 10)
    assert (str(error.value), error.value.body) == ("The body is wrongly framed or broke off.", kept)


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_as_it_is(encoding):
    assert body.read(sized(b"12345", HTTP_CONTENT_ENCODING=encoding), 5) == b"12345"


def test_gzip_is_inflated_up_to_the_limit():
    bomb = gzip.compress(b"0" * 1000)
    assert body.read(sized(bomb, HTTP_CONTENT_ENCODING=" GZip"), 1000) == b"0" * 1000
    assert body.read(sized(bomb + gzip.compress(b"1")) | ZIPPED, 1001) == b"0" * 1000 + b"1"
    with pytest.raises(BodyTooLarge, match="1000 bytes or more"):
        body.read(sized(bomb) | ZIPPED, 999)


@pytest.mark.parametrize("limit", [10**15, 10**30])
def test_a_limit_beyond_all_memory_is_none(limit):
    assert body.read(sized(gzip.compress(b"12345")) | ZIPPED, limit) == b"12345"
    assert body.read(sized(b"12345"), limit) == b"12345"
    assert body.read(UNSIZED | {"wsgi.input": io.BytesIO(b"12345")}, limit) == b"12345"


def test_no_more_is_inflated_than_the_limit():
    bomb = sized(gzip.compress(bytes(50_000_000))) | ZIPPED
    tracemalloc.start()
    with pytest.raises(BodyTooLarge):
        body.read(bomb, 100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("content", [
    b"plain", gzip.compress(b"0" * 1000, mtime=0)[:-3], gzip.compress(b"0", mtime=0)[:12],
    gzip.compress(b"0" * 1000, mtime=0)[:10] + b"\xff" * 20,
])
def test_what_is_not_whole_gzip_is_kept_as_it_came(content):
    with pytest.raises(BadDelivery) as error:
        body.read(sized(content) | ZIPPED, 10_000)
    assert str(error.value) == "The body is not whole gzip, though Content-Encoding says so."
    assert error.value.body == content


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "deflate"])
def test_other_encodings_are_refused_before_anything_is_read(encoding):
    stream = Pieces(b"12345")
    with pytest.raises(UnsupportedEncoding) as error:
        body.read({"CONTENT_LENGTH": "5", "wsgi.input": stream, "HTTP_CONTENT_ENCODING": encoding}, 5)
    assert (str(error.value), stream.asked) == ("Content-Encoding must be gzip or identity.", [])

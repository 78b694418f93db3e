import base64
import hmac

import pytest

from presence_receiver.errors import Unauthorized
from presence_receiver.webhook.verify import verify

SECRETS = (b"correct horse", b"the old one")


def basic(credential):
    return b"Basic " + base64.b64encode(credential)


@pytest.mark.parametrize("header", [
    b"Basic correct horse", b"basic correct horse", b"Bearer correct horse", b"correct horse", b"Basic the old one",
    b"  Basic   correct horse ", basic(b"anyone:correct horse"), basic(b":correct horse"),
])
def test_every_form_of_the_header_is_accepted(header):
    verify(header, SECRETS)


@pytest.mark.parametrize("header", [
    b"", b"Basic", b"Basic ", b"Basic wrong", b"Basic correct", b"Basic correct horses", b"Digest correct horse",
    b"correct", b"\xff\xfe", basic(b"correct horse"), basic(b"correct horse:anyone"), basic(b"anyone:wrong"),
    b"Bearer " + base64.b64encode(b"anyone:correct horse"), b"Basic " + base64.b64encode(b"a:correct horse")[:-1],
    b"Apikey " + base64.b64encode(b"a:correct horse"), b"Basic !" + base64.b64encode(b"a:correct horse"),
])
def test_everything_else_is_refused_with_the_same_sentence(header):
    with pytest.raises(Unauthorized) as refusal:
        verify(header, SECRETS)
    assert str(refusal.value) == "The Authorization header must carry the secret, as in: Authorization: Basic <secret>"


def test_a_secret_that_is_base64_itself_is_accepted_raw_and_as_a_credential():
    secret = base64.b64encode(b"ah:0123456789")
    verify(b"Basic " + secret, [secret])
    verify(basic(b"someone:" + secret), [secret])


def test_a_secret_that_contains_a_colon_is_accepted_as_a_password():
    verify(basic(b"anyone:a:b:c"), [b"a:b:c"])


def test_a_secret_beyond_ascii_is_compared_as_bytes():
    verify("Basic pässwörd".encode(), ["pässwörd".encode()])
    with pytest.raises(Unauthorized):
        verify("Basic pässwörd".encode("latin-1"), ["pässwörd".encode()])


def test_every_form_is_compared_with_every_secret_in_constant_time(monkeypatch):
    compared, compare = [], hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda *both: compared.append(both) or compare(*both))
    assert verify(b"Basic one", [b"one", b"two"]) == 0
    assert compared == [(shown, secret) for secret in (b"one", b"two") for shown in (b"Basic one", b"one", b"")]

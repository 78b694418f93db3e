"""Servers that want TLS and a password, and a client that insists on both."""
import datetime
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from nats_servers import NatsServer, wait_until_ready

pytestmark = pytest.mark.slow
PASSWORD = "hunter23"


@pytest.fixture
def certificate(tmp_path):
    """For 127.0.0.1, signed by itself: the file with it, and the one with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=1)
    ).add_extension(address, False).add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    (tmp_path / "key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    (tmp_path / "certificate").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return tmp_path / "certificate", tmp_path / "key"


@pytest.fixture
def secured(tmp_path, certificate):
    """A server with TLS that lets nobody in without the password."""
    configured = tmp_path / "nats.conf"
    configured.write_text(
        f'authorization {{ user: presence, password: "{PASSWORD}" }}\n'
        f'tls {{ cert_file: "{certificate[0]}", key_file: "{certificate[1]}" }}\n')
    one = NatsServer(tmp_path, "secured", more=["-c", str(configured)])
    one.start()
    wait_until_ready([one])
    yield one
    one.kill()


def answer(start, url, deliveries, **variables):
    return start(STREAM_URL=url, STREAM_REPLICAS=1, variables=variables).post(deliveries(1))


def test_tls_and_a_password(start, secured, certificate, deliveries):
    url = f"tls://presence:{PASSWORD}@127.0.0.1:{secured.port}"
    assert answer(start, url, deliveries, SSL_CERT_FILE=str(certificate[0])).status == 200


def test_a_certificate_that_nobody_vouches_for(start, secured, deliveries):
    found = answer(start, f"tls://presence:{PASSWORD}@127.0.0.1:{secured.port}", deliveries)
    assert (found.status, found.json) == (503, {"error": "None of the servers at PRESENCE_STREAM_URL can be used now."})


def test_a_wrong_password(start, secured, certificate, deliveries):
    url = f"tls://presence:wrong@127.0.0.1:{secured.port}"
    found = answer(start, url, deliveries, SSL_CERT_FILE=str(certificate[0]))
    assert (found.status, found.json) == (503, {"error": (
        "The servers at PRESENCE_STREAM_URL do not let us in: check PRESENCE_STREAM_CREDENTIALS.")})


def test_no_password_goes_to_a_server_without_tls(start, server, deliveries):
    found = answer(start, f"tls://presence:{PASSWORD}@127.0.0.1:{server.port}", deliveries)
    assert (found.status, found.json) == (503, {"error": (
        "A server at PRESENCE_STREAM_URL does not speak TLS: write nats://, or set TLS up there.")})

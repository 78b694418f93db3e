"""The two halves of the product together: `presence-cli send` to the receiver as it is deployed."""
import subprocess
import sys
from pathlib import Path

import pytest
from running import SECRET, environment

CLI = Path(sys.executable).with_name("presence-cli")


def send(receiver, *options, secret=SECRET):
    url = f"http://127.0.0.1:{receiver.port}/presence"
    ran = subprocess.run(
        [CLI, "send", url, *options], env=environment(receiver.folder, SECRET=secret), capture_output=True, text=True
    )
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize("options", [(), ("--gzip",)])
def test_the_packaged_sample_is_accepted_whole(receiver, stored, options):
    assert send(receiver, *options) == (0, '{"accepted": 27, "rejected": 0}\n', "")
    assert stored.counts == (27, 0)


def test_a_wrong_secret_is_answered_with_the_receivers_sentence(receiver, stored):
    code, out, err = send(receiver, secret="something else")
    assert (code, stored.counts) == (1, (0, 0))
    assert "The Authorization header must carry the secret, as in: Authorization: Basic <secret>" in out + err


def test_a_secret_made_by_new_secret_works(start):
    secret = subprocess.run([CLI, "new-secret"], capture_output=True, text=True).stdout.strip()
    with_it = start(SECRET=secret)
    assert len(secret) == 32
    assert send(with_it, secret=secret) == (0, '{"accepted": 27, "rejected": 0}\n', "")

"""What is said where the stream cannot be used, and that files need nothing of it."""
import subprocess
import sys

import pytest

from presence_receiver import config
from presence_receiver.errors import ConfigError

STREAM = {"PRESENCE_SECRET": "hunter22", "PRESENCE_STREAM_URL": "nats://a:4222, tls://user:hunter23@b:4222"}


def faults(**values):
    with pytest.raises(ConfigError) as error:
        config.load({**STREAM, **{f"PRESENCE_{name}": value for name, value in values.items()}})
    return set(error.value.args)


def test_servers_and_defaults():
    settings = config.load(STREAM)
    assert settings.stream_urls == ["nats://a:4222", "tls://user:hunter23@b:4222"]
    assert (settings.stream_name, settings.stream_replicas, settings.stream_credentials) == ("presence", 3, None)
    assert "hunter" not in repr(settings)


def test_each_fault_in_a_line():
    assert faults(STREAM_URL="http://a", STREAM_NAME="a.b", STREAM_REPLICAS="2", STREAM_CREDENTIALS="/nowhere") == {
        "PRESENCE_STREAM_URL must be one or more of nats://host:4222 or tls://host:4222, with commas between.",
        "PRESENCE_STREAM_NAME must be letters, digits, - and _, at most 64.",
        "PRESENCE_STREAM_REPLICAS must be 1, 3 or 5.",
        "PRESENCE_STREAM_CREDENTIALS must name a file with credentials that exists.",
    }


def test_without_the_extra_it_says_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "nats", None)
    assert faults() == {"PRESENCE_STREAM_URL needs the extra: pip install presence-receiver[stream]"}


def test_file_mode_imports_nothing_of_it(tmp_path):
    code = ("import sys; from presence_receiver import create_app\n"
            f"create_app({{'PRESENCE_SECRET': 'hunter22', 'PRESENCE_DATA_DIR': {str(tmp_path)!r}}})\n"
            "print(sorted({'nats', 'asyncio', 'presence_receiver.extras.stream.writer'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("url", ["nats://", "a:4222", "nats://a:99999", "nats://a,", ","])
def test_what_is_no_server(url):
    assert faults(STREAM_URL=url) == {
        "PRESENCE_STREAM_URL must be one or more of nats://host:4222 or tls://host:4222, with commas between."}

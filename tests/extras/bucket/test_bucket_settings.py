"""What is said where no bucket can be used, and that files need nothing of it."""
import os
import subprocess
import sys

import pytest

from presence_receiver import config
from presence_receiver.errors import ConfigError

BUCKET = {"PRESENCE_SECRET": "hunter22", "PRESENCE_BUCKET_URL": "s3://presence/lines"}
WANTED = "PRESENCE_BUCKET_URL must be s3://bucket/prefix, gs://bucket/prefix or az://container/prefix."


def faults(**values):
    with pytest.raises(ConfigError) as error:
        config.load({**BUCKET, **{f"PRESENCE_{name}": value for name, value in values.items()}})
    return set(error.value.args)


@pytest.mark.parametrize("url", [
    "s3://presence", "s3://presence/", "gs://presence/a/b", "s3://presence/..a/ü", "az://presence/lines",
])
def test_what_is_a_bucket(url):
    settings = config.load(BUCKET | {"PRESENCE_BUCKET_URL": url, "PRESENCE_BUCKET_GATHER_SECONDS": "0.5"})
    assert (settings.bucket_url, settings.bucket_gather_seconds) == (url, 0.5)


@pytest.mark.parametrize("url", [
    "file:///data", "memory://", "s3://", "s3:///prefix", "presence", "http://host/bucket", "s3://key:secret@bucket",
    "s3://bucket?region=x", "s3://bu cket", "s3://bucket//a", "s3://bucket/a//",
    "s3://bucket/..", "s3://bucket/./a", "s3://bucket/a/..", "s3://bucket/%2e%2e", "s3://bucket/%2F/a",
    "s3://bucket/%00", "s3://bucket:9000/a", "s3://bu%20cket",
])
def test_what_is_none(url):
    assert faults(BUCKET_URL=url) == {WANTED}


@pytest.mark.parametrize("seconds", ["-1", "2.1", "soon", "nan"])
def test_gathering_is_bounded(seconds):
    assert faults(BUCKET_GATHER_SECONDS=seconds) == {
        "PRESENCE_BUCKET_GATHER_SECONDS must be a number of seconds from 0 to 2."}


def test_without_the_extra_it_says_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    assert faults() == {
        f"PRESENCE_BUCKET_URL needs its extra: {sys.executable} -m pip install -r "
        "presence_receiver/extras/bucket/requirements.txt"}


def test_a_stream_ends_the_start():
    assert faults(STREAM_URL="nats://a:4222") == {
        "PRESENCE_STREAM_URL is no setting any more: collect what is in the stream with the version before, then set "
        "PRESENCE_BUCKET_URL instead."}


def test_file_mode_imports_nothing_of_it(tmp_path):
    code = ("import sys; from presence_receiver import create_app\n"
            f"create_app({{'PRESENCE_SECRET': 'long-enough-to-be-quiet', 'PRESENCE_DATA_DIR': {str(tmp_path)!r}}})\n"
            "print([name for name in sys.modules if 'obstore' in name or 'extras' in name])")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PRESENCE_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, env=plain)
    assert (done.stdout, done.stderr) == ("[]\n", "")

"""What the page shows for buckets without a collector, run word for word."""
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from buckets import Store

import presence_receiver

PAGE = Path(presence_receiver.__file__).parent / "extras/bucket/README.rst"
DUCKDB, PANDAS = (textwrap.dedent(code) for code in re.findall(
    r"code-block:: python\n\n((?:    .*\n|\n)+)", PAGE.read_text()))
LINE = b'{"receivedAt":"2026-11-22T20:15:00.123456Z","apMac":"%s","clientMac":"%012X"}\n'
REJECTED = b'{"receivedAt":"2026-11-22T20:15:00.123456Z","errors":{"rssi":["No."]},"report":{},"observation":{}}\n'


@pytest.fixture(scope="module")
def variables(server):
    """Of a client that sees the page's bucket, with three objects in it."""
    store = Store(server.port, "my-bucket", "presence").make()
    for number in range(3):
        content = LINE % (b"C413E2008040", number) + LINE % (b"C413E2008041", 1) + REJECTED
        store.put(f"inbox/20261122T201500.123456Z-{number}.jsonl", content)
    return os.environ | store.variables | {"AWS_ALLOW_HTTP": "true"}


def ran(recipe, variables):
    done = subprocess.run([sys.executable, "-c", recipe], env=variables, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_duckdb(variables):
    shown = re.findall(r"│ (C4\w+) +│ +(\d+) │", ran(DUCKDB, variables))
    assert shown == [("C413E2008040", "3"), ("C413E2008041", "1")]


def test_pandas(variables):
    assert re.findall(r"(C4\w+) +(\d+)", ran(PANDAS, variables)) == [("C413E2008040", "3"), ("C413E2008041", "1")]

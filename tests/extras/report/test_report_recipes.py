import re
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pytest

import presence_receiver

PAGE = Path(presence_receiver.__file__).parent / "extras/report/README.rst"
RECIPES = [textwrap.dedent(code) for code in re.findall(r"code-block:: python\n\n((?:    .*\n|\n)+)", PAGE.read_text())]


@pytest.fixture
def ran(tmp_path, line):
    """What the page's recipes print, run one after the other."""
    (tmp_path / "data").mkdir()
    minutes = [line(receivedAt=f"2026-11-17T20:{minute:02}:00.000000Z", ssid="Guest") for minute in (0, 10, 20, 45)]
    (tmp_path / "data/presence.jsonl").write_bytes(b"".join(minutes) + line(apMac="A") + b'{"unfinish')
    (tmp_path / "names.csv").write_text("apMac,name\nc413e2000040,Entrance\n")
    return tmp_path, [subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
                                     check=True, timeout=60).stdout for code in RECIPES]


def test_the_recipes_of_the_page(ran):
    folder, (parquet, visits, names) = ran
    assert parquet == ""
    assert duckdb.sql(f"SELECT count(*) FROM '{folder / 'presence.parquet'}'").fetchall() == [(5,)]
    assert re.findall(r"│ (5CB901642E60) +│ (\S+ \S+) +│ (\S+)", visits) == [
        ("5CB901642E60", "2026-11-17 20:00:00", "00:20:00"), ("5CB901642E60", "2026-11-17 20:45:00", "00:00:00")]
    assert re.findall(r"│ (\w+) +│ +(\d+) │", names) == [("A", "1"), ("Entrance", "1")]

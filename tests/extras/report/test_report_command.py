import gzip
import json
import os
import re
import subprocess
import sys
import termios
import threading
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.cells import cell_len

RECEIVED = ["2026-11-17T20:15:00.000000Z", "2026-11-17T22:05:00.000000Z", "2026-11-18T23:30:00.000000Z"]


@pytest.fixture
def folder(tmp_path, line):
    """Two days with hours without a line, one address randomised, and an unfinished line."""
    (tmp_path / "presence.jsonl").write_bytes(
        line(receivedAt=RECEIVED[0]) + line(receivedAt=RECEIVED[1], clientMac="DA0000000001", ssid="Guest")
        + line(receivedAt=RECEIVED[2]) + b'{"receivedAt":"2026-11-1')
    return tmp_path


def rows(result):
    return [(row["name"], row["devices"], row["randomised"], row["observations"])
            for row in json.loads(result.stdout)["rows"]]


def test_hours_without_a_line_stand_there(folder, report):
    table = [line.split() for line in report("--data-dir", folder).stdout.splitlines()]
    assert table[0][:4] == ["HOUR", "(UTC)", "DEVICES", "RANDOMISED"]
    assert table[2] == ["2026-11-17", "21:00", "no", "lines"]
    assert rows(report("--data-dir", folder, "--output", "json"))[:3] == [
        ("2026-11-17 20:00", 1, 0, 1), ("2026-11-17 21:00", 0, 0, 0), ("2026-11-17 22:00", 1, 1, 1)]


@pytest.mark.parametrize("zone, days", [
    ("UTC", [("2026-11-17", 2, 1, 2), ("2026-11-18", 1, 0, 1)]),
    ("Europe/Berlin", [("2026-11-17", 2, 1, 2), ("2026-11-18", 0, 0, 0), ("2026-11-19", 1, 0, 1)]),
])
def test_days_begin_where_the_time_zone_says(folder, report, zone, days):
    assert rows(report("--data-dir", folder, "--by", "day", "--timezone", zone, "--output", "json")) == days


@pytest.mark.parametrize("first, by, count", [
    ("2026-11-09T00:00:00.000000Z", "hour", 240), ("2026-11-08T00:00:00.000000Z", "day", 11),
    ("2025-01-01T00:00:00.000000Z", "month", 23), ("1970-01-01T00:00:00.000000Z", "month", 683)])
def test_the_longer_it_is_the_longer_are_the_periods(tmp_path, line, report, first, by, count):
    (tmp_path / "presence.jsonl").write_bytes(line(receivedAt=first) + line(receivedAt="2026-11-18T23:30:00.000000Z"))
    said = json.loads(report("--data-dir", tmp_path, "--output", "json").stdout)
    assert (said["by"], len(said["rows"])) == (by, count)
    assert report("--data-dir", tmp_path).stdout.startswith(f"{by.upper()} (UTC)")
    assert report("--data-dir", tmp_path, "--output", "csv").stdout.startswith(f"{by},")


def test_whoever_says_by_what_gets_it(tmp_path, line, report):
    (tmp_path / "presence.jsonl").write_bytes(
        line(receivedAt="2025-01-01T00:00:00.000000Z") + line(receivedAt="2026-11-18T23:30:00.000000Z"))
    assert report("--data-dir", tmp_path, "--by", "day").stdout.startswith("DAY (UTC)")


def test_a_date_of_since_begins_where_the_time_zone_says(folder, report):
    since = ("--since", "2026-11-19", "--output", "json", "--timezone")
    assert json.loads(report("--data-dir", folder, *since, "Europe/Berlin").stdout)["total"]["observations"] == 1
    nothing = report("--data-dir", folder, *since, "UTC")
    assert json.loads(nothing.stdout)["total"]["observations"] == 0
    assert nothing.stderr.splitlines()[-1] == "Warning: There are no lines since 2026-11-19 00:00 UTC."


def test_an_unknown_time_zone(folder, report):
    ran = report("--data-dir", folder, "--timezone", "Europe/Bielefeld")
    assert (ran.exit_code, ran.stderr.splitlines()[-1]) == (2, (
        "Error: Invalid value for '--timezone': Europe/Bielefeld is no time zone that this machine knows: names are "
        "like Europe/Berlin; a machine without any gets them by pip install tzdata."))


def test_since_in_the_future(folder, report):
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    ran = report("--data-dir", folder, "--since", tomorrow)
    assert (ran.exit_code, ran.stderr.splitlines()[-1]) == (2, (
        f"Error: Invalid value for '--since': {tomorrow} lies in the future: nothing was received since then."))


def test_all_files_closed_before_since_are_no_missing_files(tmp_path, line, report):
    (tmp_path / "presence-20261118T000000.000000Z.jsonl.gz").write_bytes(gzip.compress(line()))
    ran = report("--data-dir", tmp_path, "--since", "2026-11-20")
    assert (ran.exit_code, ran.stderr) == (0, "Warning: There are no lines since 2026-11-20 00:00 UTC.\n")


def test_what_was_skipped_is_counted_and_said(folder, report):
    ran = report("--data-dir", folder, "--output", "json")
    path = str(folder / "presence.jsonl")
    assert ran.stderr == f"Warning: {path}: 1 line is unfinished or no presence line and was skipped.\n"
    assert json.loads(ran.stdout)["files"] == [{"path": path, "lines": 3, "older": 0, "skipped": 1}]
    (folder / "rejected.jsonl").write_bytes(b'{"receivedAt":"2026-11-17T20:15:00.000000Z","errors":{}}\n{"rec')
    report("--data-dir", folder, "--html", folder / "page.html")
    page = (folder / "page.html").read_text()
    assert "<p>1 line is unfinished or no rejected line and was skipped.</p>" in page
    assert "1 of their lines is unfinished or no presence line and was skipped" in page


@pytest.mark.parametrize("content", [
    b"presence-receiver\n=================\n\nReceives the presence data.\n",
    b'{"receivedAt":"2026-11-17T20:15:00.000000Z","errors":{"0":{}},"report":{},"observation":{"clientMac":"zz"}}\n',
])
def test_a_file_that_is_no_presence_file_is_refused(folder, report, content):
    (folder / "other").write_bytes(content)
    ran = report(folder / "presence.jsonl", folder / "other")
    assert (ran.exit_code, ran.stdout, ran.stderr) == (1, "", (
        f"Error: {folder / 'other'}: no presence line is in it. Give files such as presence.jsonl.\n"))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_dash_is_standard_input(line, report, pack):
    ran = report("-", "--output", "json", stdin=pack(line() + line()))
    assert json.loads(ran.stdout)["files"] == [{"path": "standard input", "lines": 2, "older": 0, "skipped": 0}]
    assert json.loads(ran.stdout)["rejected"] is None


def test_a_page_of_files_says_since_when(folder, report):
    def note(since):
        page = report(folder / "presence.jsonl", "--since", since, "--html", "-").stdout
        return re.search(r"<p>(?:Received|No lines)[^<]*", page)[0]

    assert note("2026-11-17T22:00") == (
        "<p>Received 2026-11-17 22:05 to 2026-11-18 23:30, time zone UTC; asked for since 2026-11-17 22:00.")
    assert note("2026-11-19") == "<p>No lines since 2026-11-19 00:00."


def test_what_may_be_incomplete_or_covered_is_said(tmp_path, line, report):
    def notes(*hours):
        (tmp_path / "presence.jsonl").write_bytes(b"".join(
            line(receivedAt=f"{datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}")
            for hour in hours))
        page = report("--data-dir", tmp_path, "--by", "hour", "--html", "-").stdout
        return (re.search("<p>Time zone UTC; the (.*?) may be incomplete", page)[1], page.count("some cover others"))

    assert notes(0) == ("hour", 0)
    assert notes(0, 1) == ("first and the last hour", 0)
    gap = "first and the last hour, and those beside an hour without lines,"
    assert [notes(0, 2), notes(0, 249), notes(0, 250)] == [(gap, 0), (gap, 0), (gap, 2)]


def test_a_page_where_python_asserts_nothing(folder):
    command = [sys.executable, "-O", "-m", "presence_receiver", "report", "--data-dir", folder, "--html", "-"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.endswith("</html>\n")) == (0, True)


def test_a_page_to_standard_output(line, report):
    ran = report("-", "--html", "-", stdin=line())
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout.startswith("<!DOCTYPE html>") and ran.stdout.endswith("</html>\n")


def test_a_page_takes_no_other_file_s_place_but_an_older_page_s(folder, report):
    path = folder / "presence.jsonl"
    before = path.read_bytes()
    ran = report("--data-dir", folder, "--html", path)
    assert (ran.exit_code, ran.stderr) == (1, (
        f"Error: {path} is there and cannot be seen to be a report's page: give --html another name.\n"))
    assert path.read_bytes() == before
    for other in b"", b"<!DOCTYPE html><p>home":
        path.write_bytes(other)
        assert (report("--data-dir", folder, "--html", path).exit_code, path.read_bytes()) == (1, other)
    for _ in range(2):
        assert report("--data-dir", folder, "--html", folder / "page.html").exit_code == 0
    (folder / "link.html").symlink_to("page.html")
    assert report("--data-dir", folder, "--html", folder / "link.html").exit_code == 0
    assert (folder / "link.html").is_symlink() and not (folder / "page.html").is_symlink()


def test_a_page_takes_no_place_that_was_taken_meanwhile(folder, line, report):
    os.mkfifo(folder / "fifo")

    def meanwhile():
        with (folder / "fifo").open("wb") as fifo:
            (folder / "page.html").write_text("precious")
            fifo.write(line())

    writer = threading.Thread(target=meanwhile, daemon=True)
    writer.start()
    ran = report(folder / "fifo", "--html", folder / "page.html")
    writer.join()
    assert (ran.exit_code, (folder / "page.html").read_text()) == (1, "precious")


def test_a_page_that_only_some_may_read_stays_so(folder, report):
    path = folder / "page.html"
    report("--data-dir", folder, "--html", path)
    for mode in 0o640, 0o600, 0o664:
        path.chmod(mode)
        before = path.stat()
        report("--data-dir", folder, "--html", path)
        after = path.stat()
        assert (after.st_mode, after.st_ino != before.st_ino) == (before.st_mode, True)


def test_hours_that_are_too_many_are_refused(folder, line, report):
    path = folder / "presence.jsonl"
    path.write_bytes(line(receivedAt="1970-01-01T00:00:00.000000Z") + line())
    ran = report(path, "--by", "hour")
    assert (ran.exit_code, ran.stderr) == (
        1, "Error: 1970-01-01 to 2026-11-17 are too many hours for a report: give --since, or --by day.\n")
    assert report(path, "--by", "hour", "--since", "2026-11-01").exit_code == 0


def test_a_page_goes_into_a_fifo_and_into_no_folder_that_is_not_there(folder, report):
    fifo, read = folder / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: read.append(fifo.read_text()), daemon=True)
    reader.start()
    assert report("--data-dir", folder, "--html", fifo).exit_code == 0
    assert fifo.is_fifo()
    reader.join()
    assert read[0].endswith("</html>\n")
    ran = report("--data-dir", folder, "--html", folder / "none" / "page.html")
    assert (ran.exit_code, ran.stderr.splitlines()[-1]) == (
        1, f"Error: {folder / 'none' / 'page.html'} cannot be written: No such file or directory.")


@pytest.mark.parametrize("target", ["page.html", "none.html"])
def test_a_page_where_a_link_leads_nowhere(folder, report, target):
    link = folder / "page.html"
    link.symlink_to(target)
    ran = report("--data-dir", folder, "--html", link)
    if target == "page.html":
        assert (ran.exit_code, ran.stderr.splitlines()[-1]) == (
            1, f"Error: {link} cannot be written: Too many levels of symbolic links.")
    assert link.is_symlink() and link.is_file() == (ran.exit_code == 0)


@pytest.mark.parametrize("name", ["", "page.html/"])
def test_page_wants_the_name_of_a_file(report, folder, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    ran = report("--data-dir", folder, "--html", name)
    assert (ran.exit_code, ran.stderr.splitlines()[-1]) == (
        2, "Error: Invalid value for '--html': must be a file's name, or -.")
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("options", [("--output", "table"), ("--by", "ap")])
def test_a_page_and_a_table_at_once_are_refused(folder, report, options):
    ran = report("--data-dir", folder, "--html", folder / "page.html", *options)
    assert (ran.exit_code, ran.stderr.splitlines()[-1]) == (2, (
        "Error: --html has every table: give it without --output and with no --by but hour or day."))
    assert not (folder / "page.html").exists()


def test_what_has_no_address_is_no_line(line, report, tmp_path):
    path = tmp_path / "presence.jsonl"
    path.write_bytes(line() + b"".join(line(clientMac=odd) for odd in ("", 5, {}, None)) + line(
        receivedAt="1969-12-31T23:59:59.000000Z"))
    assert json.loads(report(path, "--output", "json").stdout)["files"][0] == {
        "path": str(path), "lines": 1, "older": 0, "skipped": 5}


def test_rejected_lines_of_another_hand(folder, report):
    (folder / "rejected.jsonl").write_text("".join(
        json.dumps({"receivedAt": RECEIVED[0], "errors": errors}) + "\n"
        for errors in ("text", ["list"], {"0": {"ssid": ["Too \u202elong.\x1b[1m"]}})))
    ran = report("--data-dir", folder, "--output", "json")
    assert json.loads(ran.stdout)["rejected"] == [{"reason": "ssid: Too  long. [1m", "lines": 1}]
    assert json.loads(ran.stdout)["rejected_files"][0]["skipped"] == 2
    report("--data-dir", folder, "--html", folder / "page.html")
    assert "<p>1 line by reason, most first" in (folder / "page.html").read_text()


@pytest.mark.parametrize("errors", ['"{text"', f'{{"ssid": {"9" * 5000}}}', f'{{"ssid": {"[" * 2000}{"]" * 2000}}}'])
def test_rejected_lines_whose_errors_cannot_be_read(folder, report, errors):
    (folder / "rejected.jsonl").write_text(f'{{"receivedAt": "{RECEIVED[0]}", "errors": {errors}}}\n')
    ran = report("--data-dir", folder, "--output", "json")
    assert json.loads(ran.stdout)["rejected"] == [{"reason": "not known", "lines": 1}]


def test_files_that_were_closed_before_are_not_read_if_they_are_a_receiver_s(tmp_path, line, report):
    for stem in ("presence", "rejected"):
        (tmp_path / f"{stem}-20261118T000000.000000Z.jsonl.gz").write_bytes(b"not read")
    (tmp_path / "presence.jsonl").write_bytes(line(receivedAt="2026-11-21T00:00:00.000000Z"))
    assert report("--data-dir", tmp_path, "--since", "2026-11-20", "--html", tmp_path / "page.html").exit_code == 0
    assert "Files closed before the time asked for, and not read: 2." in (tmp_path / "page.html").read_text()
    (tmp_path / "presence.jsonl").rename(tmp_path / "presence-20261118T000000.000000Z.jsonl")
    path = tmp_path / "presence-20261118T000000.000000Z.jsonl"
    ran = report(path, "--since", "2026-11-20", "--output", "json")
    assert json.loads(ran.stdout)["total"]["observations"] == 1


def test_a_hash_is_no_randomised_address(line, report, tmp_path):
    path = tmp_path / "presence.jsonl"
    addresses = ["2A" * 20, "2a:bc:de:f0:12:34", "5C-B9-01-64-2E-60"]
    path.write_bytes(b"".join(line(clientMac=address) for address in addresses))
    total = json.loads(report(path, "--output", "json").stdout)["total"]
    assert (total["devices"], total["randomised"]) == (3, 1)
    report(path, "--html", tmp_path / "page.html")
    assert "1 device has a hash for an address" in (tmp_path / "page.html").read_text()


def in_terminal(columns, *args):
    """What `presence-cli report` writes to a real terminal that wide."""
    terminal, end = os.openpty()
    termios.tcsetwinsize(end, (50, columns))
    command = [Path(sys.executable).with_name("presence-cli"), "report", *args]
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with subprocess.Popen(command, stdin=end, stdout=end, env={**environment, "NO_COLOR": "1", "TERM": "xterm"}):
        os.close(end)
        written = b""
        with open(terminal, "rb", buffering=0) as screen, suppress(OSError):  # EIO: the last writer is gone
            while some := screen.read(4096):
                written += some
    return re.sub(r"\x1b\[[\d;]*m", "", written.decode()).replace("\r\n", "\n")


VALUES = {"DEVICES": "2", "RANDOMISED": "1", "OBSERVATIONS": "2", "ASSOCIATED": "100 %", "RSSI": "-50 dBm"}


@pytest.mark.parametrize("columns, bars, gone", [
    (140, [30, 15], []), (120, [26, 13], []), (100, [0, 0], []), (92, [0, 0], []), (91, [0, 0], ["RSSI"]),
    (80, [0, 0], ["RSSI"]), (70, [0, 0], ["RSSI", "RANDOMISED"]), (60, [0, 0], ["RSSI", "RANDOMISED", "ASSOCIATED"]),
    (50, [0, 0], ["RSSI", "RANDOMISED", "ASSOCIATED", "OBSERVATIONS"]),
    (30, [0, 0], ["RSSI", "RANDOMISED", "ASSOCIATED", "OBSERVATIONS"])])
def test_in_a_narrow_terminal_the_bars_go_then_columns_and_nothing_is_cut(line, tmp_path, columns, bars, gone):
    path, name = tmp_path / "presence.jsonl", "A network with thirty-two letter"
    path.write_bytes(line(ssid=name) + line(ssid=name, clientMac="DA0000000001") + line(ssid="B"))
    header, first, second, *_ = in_terminal(columns, path, "--by", "ssid").splitlines()
    assert (first.split()[:5], second.split()[0]) == (name.split(), "B")
    assert [text.count("█") for text in (first, second)] == bars
    assert (cell_len(first.rstrip()) <= columns) == (columns >= 50)
    assert [title for title in VALUES if title not in header] == [title for title in VALUES if title in gone]
    for title in VALUES.keys() - gone:
        ends = header.index(title) + len(title)
        assert first[:ends].endswith(f" {VALUES[title]}")


def test_what_a_narrow_terminal_leaves_out_is_told(folder):
    below = in_terminal(60, "--data-dir", folder).partition("\n\n")[2]
    assert [each.rstrip() for each in below.splitlines()[:5]] == [
        "DEVICES are distinct addresses, ASSOCIATED the share with an",
        "SSID.",
        "A wider terminal shows RANDOMISED, MEDIAN RSSI too.",
        "",
        "RSSI            OBSERVATIONS"]


def test_every_access_point_is_on_the_page(tmp_path, line, report):
    names = [f"C413E2{number:06X}" for number in range(200)]
    (tmp_path / "presence.jsonl").write_bytes(b"".join(line(apMac=name, ssid="Guest", x=1, y=2) for name in names))
    report("--data-dir", tmp_path, "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "40 of 200 access points, those that saw most distinct devices; most first." in page
    assert "12 of 200 access points, those with most such observations; most first." in page
    for title, rest in ("The other 160 access points", 160), ("The other 188 access points", 188):
        _, found, below = page.partition(f"<summary>{title}</summary>")
        assert found and sum(name in below.partition("</details>")[0] for name in names) == rest
    assert all(page.count(name) >= 4 for name in names)


def test_of_a_receiver_what_was_asked_for_is_shown_up_to_now(tmp_path, line, report):
    now = datetime.now(UTC)
    (tmp_path / "presence.jsonl").write_bytes(line(receivedAt=f"{now - timedelta(hours=30):%Y-%m-%dT%H:%M:%S}.000000Z"))
    began = now - timedelta(hours=48)
    ran = report("--data-dir", tmp_path, "--since", f"{began:%Y-%m-%dT%H:%M}", "--output", "json")
    found = rows(ran)
    assert [found[0][0], found[-1][0]] in (
        [f"{began:%Y-%m-%d %H}:00", f"{moment:%Y-%m-%d %H}:00"] for moment in (now, datetime.now(UTC)))
    assert [seen for *_, seen in found if seen] == [1] and len(found) in (49, 50)
    report("--data-dir", tmp_path, "--since", "2d", "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert re.search(r"<p>Received [^<]*, time zone UTC; asked for since [^<]*\.</p>", page)
    ran = report(tmp_path / "presence.jsonl", "--since", "2d", "--output", "json")
    assert len(rows(ran)) == 1


def test_a_line_of_a_clock_that_is_ahead_stands_in_its_hour(tmp_path, line, report):
    ahead = datetime.now(UTC) + timedelta(hours=3)
    (tmp_path / "presence.jsonl").write_bytes(line(receivedAt=f"{ahead:%Y-%m-%dT%H:%M:%S}.000000Z"))
    *_, last = rows(report("--data-dir", tmp_path, "--since", "2h", "--output", "json"))
    assert last == (f"{ahead:%Y-%m-%d %H}:00", 1, 0, 1)


def test_where_nothing_came_since_a_time_its_hours_have_no_lines(folder, report):
    ran = report("--data-dir", folder, "--since", "2h")
    assert [line.split()[2:] for line in ran.stdout.splitlines()[1:3]] == [["no", "lines"]] * 2
    report("--data-dir", folder, "--since", "2h", "--html", folder / "page.html")
    assert re.search("<p>No lines since [^<]*.</p>", (folder / "page.html").read_text())


def test_of_ten_thousand_access_points_all_are_on_a_page_that_a_browser_can_open(tmp_path, line, report):
    names = [f"C413{number:08X}" for number in range(10_000)]
    with (tmp_path / "presence.jsonl").open("wb") as file:
        for day in (10, 17):
            file.writelines(line(receivedAt=f"2026-11-{day}T20:15:00.000000Z", apMac=name, ssid="Guest",
                                 x=number % 60 + 0.5, y=number % 40 + 1) for number, name in enumerate(names))
    report("--data-dir", tmp_path, "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert len(page) < 30_000_000
    for title in ("Distinct devices an hour, by access point", "Distinct devices a day, by access point, the others"):
        assert f'aria-label="{title}"' in page
    assert "<p>A map of each hour would be too large for a page.</p>" in page
    assert set(names) == {name for name, count in Counter(re.findall(r">(C413\w{8})<", page)).items() if count >= 4}

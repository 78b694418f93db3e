import gzip
import json
import re
import shutil
import subprocess
import time
from random import Random

import pytest

from deployment import run
from presence_receiver.extras.simulation import traffic
from presence_receiver.extras.simulation.site import Site
from presence_receiver.validation.judge import judge_delivery

RECEIVED = ["2026-11-22T20:15:00.000000Z", "2026-11-22T22:05:00.000000Z", "2026-11-22T22:15:00.000000Z"]
LINE = {"receivedAt": RECEIVED[0], "ownerId": 1490, "apMac": "C413E2000040", "clientMac": "5CB901642E60",
        "ssid": None, "rssi": -50, "manufacturer": None, "x": None, "y": None}


def line(**more):
    return json.dumps({**LINE, **more}).encode() + b"\n"


UNFINISHED = "1 line is unfinished or no presence line and was skipped."


def table(ran):
    assert ran.code == 0
    return [text.rstrip() for text in ran.out.splitlines()]


@pytest.fixture
def folder(tmp_path):
    """Three hours: a compressed file, a closed one, the active one with an unfinished line."""
    other = {"clientMac": "A0F3C1000001", "apMac": "C413E2000080"}
    with gzip.open(tmp_path / "presence-20261122T210000.000000Z.jsonl.gz", "wb") as file:
        file.write(line() + line(ssid="Staff", rssi=-41, manufacturer="Apple Inc"))
    (tmp_path / "presence-20261122T220600.000000Z.jsonl").write_bytes(line(receivedAt=RECEIVED[1], **other))
    (tmp_path / "presence.jsonl").write_bytes(
        line(receivedAt=RECEIVED[2], ssid="Guest", rssi=-70, **other) + b'{"receivedAt":"2026-11-2')
    (tmp_path / "rejected.jsonl").write_bytes(b'{"receivedAt":"2026-11-22T20:15:00.000000Z","errors":{}}\n')
    return tmp_path


def test_a_table_with_bars(folder):
    full, half = "█" * 30, "█" * 15
    ran = run("report", "--data-dir", folder)
    assert ran.err == f"Warning: {folder / 'presence.jsonl'}: {UNFINISHED}\n"
    assert table(ran) == [
        f"HOUR (UTC)         DEVICES  {'':30}  RANDOMISED  OBSERVATIONS  ASSOCIATED  MEDIAN RSSI",
        f"2026-11-22 20:00         1  {full}           0             2       100 %      -46 dBm",
        "2026-11-22 21:00  no lines",
        f"2026-11-22 22:00         1  {full}           0             2       100 %      -60 dBm",
        "",
        f"total                    2  {'':30}           0             4       100 %      -50 dBm",
        "",
        "DEVICES are distinct addresses, RANDOMISED those with the local bit, ASSOCIATED the share with an SSID.",
        "",
        "RSSI            OBSERVATIONS",
        f"-70 to -66 dBm             1  {half}",
        "-65 to -61 dBm             0",
        "-60 to -56 dBm             0",
        "-55 to -51 dBm             0",
        f"-50 to -46 dBm             2  {full}",
        f"-45 to -41 dBm             1  {half}"]


@pytest.mark.parametrize("by, rows", [
    ("ap", ["C413E2000040,1,0,2,1,-46", "C413E2000080,1,0,2,1,-60"]),
    ("ssid", [",2,0,2,0,-50", "Guest,1,0,1,1,-70", "Staff,1,0,1,1,-41"]),
    ("manufacturer", [",2,0,3,1,-50", "Apple Inc,1,0,1,1,-41"]),
])
def test_rows_for_programs(folder, by, rows):
    ran = run("report", "--data-dir", folder, "--by", by, "--output", "csv")
    header = f"{by},devices,randomised,observations,associated,rssi"
    assert (ran.code, ran.out) == (0, "\n".join([header, *rows, ""]))


def test_json(folder):
    figures = {"devices": 1, "randomised": 0, "observations": 1, "associated": 1, "rssi": -70}
    path = folder / "presence.jsonl"
    assert json.loads(run("report", path, "--output", "json").out) == {
        "from": "2026-11-22T22:15:00Z", "to": "2026-11-22T22:15:00Z", "timezone": "UTC",
        "total": {"name": "total", **figures}, "by": "hour", "rows": [{"name": "2026-11-22 22:00", **figures}],
        "rssi": [{"from": -70, "to": -66, "observations": 1}], "rejected": None,
        "files": [{"path": str(path), "lines": 1, "older": 0, "skipped": 1}], "rejected_files": None}


@pytest.mark.parametrize("since, count", [
    ("2026-11-22", 4), ("2026-11-22T21:30", 2), ("2026-11-22T22:10:00Z", 1), ("2026-11-22T23:10:00+01:00", 1)])
def test_since(folder, since, count):
    ran = run("report", "--data-dir", folder, "--since", since, "--output", "json")
    assert json.loads(ran.out)["total"]["observations"] == count


@pytest.mark.parametrize("since", [["36500d"], ["0001-01-01", "--timezone", "Asia/Tokyo"], ["1969-12-31"]])
def test_since_before_there_was_anything(folder, since):
    ran = run("report", "--data-dir", folder, "--output", "json", "--since", *since)
    assert json.loads(ran.out)["total"]["observations"] == 4


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_a_time_that_no_clock_has_is_none(tmp_path, zone):
    (tmp_path / "presence.jsonl").write_bytes(
        line(receivedAt="2199-12-31T23:59:59.000000Z") + line(receivedAt="2200-01-01T00:00:00.000000Z"))
    ran = run("report", "--data-dir", tmp_path, "--output", "json", "--timezone", zone)
    said = json.loads(ran.out)
    assert (said["by"], len(said["rows"]), said["total"]["observations"]) == ("hour", 1, 1)
    assert said["files"][0]["skipped"] == 1


def test_since_some_time_ago(folder):
    assert json.loads(run("report", "--data-dir", folder, "--since", "9999d", "--output", "json").out)["from"]
    ran = run("report", "--data-dir", folder, "--since", "last week")
    assert (ran.code, ran.err.splitlines()[-1]) == (2, (
        "Error: Invalid value for '--since': must be like 30m, 24h or 7d, or a date such as 2026-11-22."))


def test_client_centric_lines_count_for_their_best_access_point(tmp_path):
    observers = [{"apMac": "AA0000000000", "rssi": -70, "locationIdHierarchy": [1, 2]},
                 {"apMac": "BB0000000000", "rssi": -40}]
    path = tmp_path / "presence.jsonl"
    path.write_bytes(line(apMac=None, rssi=None, deviceObservers=observers))
    assert run("report", path, "--by", "ap", "--output", "csv").out.splitlines()[1] == "BB0000000000,1,0,1,0,-40"


def test_of_pseudonyms_the_line_tells_which_devices_are_randomised(tmp_path):
    hashed = {"clientMac": "0123456789abcdef0123456789abcdef"}
    path = tmp_path / "presence.jsonl"
    path.write_bytes(line(**hashed, randomised=True) + line(clientMac="2" * 32, randomised=False) + line(
        clientMac="3" * 32) + line(clientMac="DA3F8C1B7D29", randomised="perhaps"))
    total = json.loads(run("report", path, "--output", "json").out)["total"]
    assert (total["devices"], total["randomised"]) == (4, 2)
    assert run("report", path, "--html", tmp_path / "page.html").code == 0
    (note,) = re.findall(r"<p[^>]*>[^<]*cannot be seen[^<]*", (tmp_path / "page.html").read_text())
    assert note.startswith("<p>1 device has a hash for an address"), note


def test_every_line_of_a_receiver_is_read(tmp_path):
    random = Random(7)
    site = Site(5, 20, 1_795_390_000_000, random)
    for shape in traffic.SHAPES:
        plan = traffic.Plan(access_points=5, devices=20, interval=60, duration=1, speed=1, shape=shape, bad=0)
        with (tmp_path / "presence.jsonl").open("ab") as file:
            file.writelines(judge_delivery(each.body, RECEIVED[0]).lines
                            for each in traffic.deliveries(site, 1490, plan, random))
    total = json.loads(run("report", "--data-dir", tmp_path, "--output", "json").out)["total"]
    assert (total["observations"], total["devices"]) == (300, len({device.mac for device in site.devices}))


def test_nothing_to_report_on(tmp_path):
    assert run("report", "--data-dir", tmp_path / "none").parts == (1, "", (
        f"Error: There is no folder {tmp_path / 'none'}: give FILES, or the receiver's folder as --data-dir.\n"))
    for none in "n" * 300, __file__:
        assert run("report", PRESENCE_DATA_DIR=none).parts == (1, "", (
            f"Error: {none} is no folder: give the receiver's as --data-dir.\n"))
    assert run("report", "--data-dir", tmp_path).parts == (1, "", (
        "Error: There are no files to report on: give FILES, or the receiver's folder as --data-dir.\n"))


def test_an_empty_compressed_file_has_no_lines_and_costs_no_others(folder):
    alone = folder / "alone"
    alone.mkdir()
    for stem in ("presence", "rejected"):
        (folder / f"{stem}-20261101T000000.000000Z.jsonl.gz").touch()
        (alone / f"{stem}-20261101T000000.000000Z.jsonl.gz").touch()
    total = json.loads(run("report", "--data-dir", folder, "--output", "json").out)["total"]
    assert total["observations"] == 4
    assert json.loads(run("report", "--data-dir", alone, "--output", "json").out)["from"] is None


def test_no_lines_at_all(tmp_path):
    (tmp_path / "presence.jsonl").write_bytes(b"")
    assert table(run("report", "--data-dir", tmp_path))[2].split() == ["total", "no", "lines"]
    assert json.loads(run("report", "--data-dir", tmp_path, "--output", "json").out)["from"] is None
    assert run("report", "--data-dir", tmp_path, "--html", tmp_path / "page.html").code == 0
    assert "No lines." in (tmp_path / "page.html").read_text()


def test_names_cannot_break_the_page(tmp_path):
    path = tmp_path / "presence.jsonl"
    path.write_bytes(line(apMac="<script>alert(1)</script>", ssid="</svg><script>", x=1, y=2))
    run("report", path, "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<script" not in page.lower() and "&lt;/svg&gt;&lt;script&gt;" in page and "&lt;SCRIPT&gt;" in page


def made_up_day(folder, count):
    random = Random(7)
    site = Site(12, 20, 1_795_340_000_000, random)
    plan = traffic.Plan(access_points=12, devices=20, interval=600, duration=1, speed=1, shape="array", bad=0)
    with (folder / "presence.jsonl").open("wb") as file:
        for _ in range(count):
            [delivery] = traffic.deliveries(site, 1490, plan, random)
            received = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(site.now / 1000))
            file.write(judge_delivery(delivery.body, received).lines)
            site.pass_time(600)
    return folder / "presence.jsonl"


def test_a_page_of_its_own(tmp_path):
    path = made_up_day(tmp_path, 20)
    html = tmp_path / "page.html"
    assert run("report", path, "--html", html).parts == (0, "", f"Wrote {html}.\n")
    page = html.read_text()
    assert re.findall("<h2>(.*?)</h2>", page) == [
        "Distinct devices an hour", "Distinct devices an hour, by access point",
        "Observations by signal strength, in ranges of 5 dB",
        "Where associated devices were: observations in each square", "SSIDs", "Manufacturers",
        "Rejected lines", "Files"]
    assert page.count("<svg") == page.count("</svg>")
    assert re.findall(r"(?:src|href)=\"([^\"]*)\"", page) == ["data:,"]
    assert not re.search(r"url\((?!#)|@import|https?:", page)


def browse(page, folder):
    """What a browser that opens the page writes to its console, and how often the page asks the network."""
    browser = shutil.which("chromium")
    assert browser, "install chromium"
    ran = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--user-data-dir={folder / 'profile'}", f"--log-net-log={folder / 'net.json'}",
         "--enable-logging=stderr", f"--screenshot={folder / 'page.png'}", "--window-size=1040,1900",
         page.as_uri()],
        capture_output=True, text=True, timeout=120, env={"PATH": "/usr/bin:/bin", "HOME": str(folder)})
    assert ran.returncode == 0, ran.stderr
    asked = re.findall('"initiator":"([^"]*)"', (folder / "net.json").read_text())
    return re.findall("CONSOLE.*", ran.stderr), len([who for who in asked if who != "not an origin"])


@pytest.mark.slow
def test_a_browser_opens_the_page_without_an_error_or_a_request(tmp_path):
    html = tmp_path / "page.html"
    run("report", made_up_day(tmp_path, 100), "--html", html)
    assert browse(html, tmp_path) == ([], 0)
    assert (tmp_path / "page.png").stat().st_size > 20_000


@pytest.mark.slow
def test_a_page_with_an_error_and_a_request_would_be_noticed(tmp_path):
    html = tmp_path / "page.html"
    html.write_text('<img src="http://127.0.0.1:9/"><script>none()</script>')
    [console], requests = browse(html, tmp_path)
    assert ("none is not defined" in console, requests) == (True, 1)


def test_what_no_receiver_wrote_makes_no_endless_axis(tmp_path):
    path = tmp_path / "presence.jsonl"
    path.write_bytes(line(rssi=2_000_000_000, ssid="Guest", x=1e300, y=2) + line(rssi=-50, ssid="Guest", x=1, y=2))
    assert len(json.loads(run("report", path, "--output", "json").out)["rssi"]) == 1
    assert run("report", path, "--html", tmp_path / "page.html").code == 0
    assert "C413E2000040, squares of 0.5 m<" in (tmp_path / "page.html").read_text()


def test_each_plan_has_squares_that_fit_it(tmp_path):
    with (tmp_path / "presence.jsonl").open("wb") as file:
        file.writelines(line(apMac=name, ssid="Guest", x=x, y=1) for name, xs in (
            ("C413E2000001", (1, 10)), ("C413E2000002", (1, 10, 300)), ("C413E2000003", (5,))) for x in xs)
    run("report", tmp_path / "presence.jsonl", "--html", tmp_path / "page.html")
    assert re.findall("<h3>(.*?)</h3>", (tmp_path / "page.html").read_text()) == [
        "C413E2000002, squares of 10 m", "C413E2000001, squares of 0.5 m", "C413E2000003, squares of 0.5 m"]


def test_plans_that_are_drawn_together_have_no_more_squares_than_a_page_can_carry(tmp_path):
    with (tmp_path / "presence.jsonl").open("wb") as file:
        file.writelines(line(apMac=f"C413E20000{number:02}", ssid="Guest", x=place % 30 + 0.5, y=place // 30 + 0.5)
                        for number in range(60) for place in range(900))
    run("report", tmp_path / "presence.jsonl", "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    lowest = [page.count(f"{side} m: {count} observations</title>") for side, count in (("0 to 1", 1), ("0 to 2", 4))]
    assert lowest == [12 * 30, 48 * 15]

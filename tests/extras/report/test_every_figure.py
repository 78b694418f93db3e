"""Every figure on the page, computed once more from the lines, without DuckDB."""
import gzip
import json
import math
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from statistics import median, multimode
from zoneinfo import ZoneInfo

import pytest
from extras.report.reporting import made_up, report

from presence_receiver.validation.judge import judge_delivery


class Page(HTMLParser):
    """The tables by their names, the pairs at the top, and what the marks of each plot say to the mouse."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.pairs, self.marks, self.notes, self.plans = {}, {}, defaultdict(list), [], []
        self._path, self._plot, self._table, self._term = [], "", None, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "svg" and attributes.get("aria-label"):
            self._plot = attributes["aria-label"]
        if tag == "table":
            assert attributes["aria-label"] not in self.tables
            self._table = self.tables[attributes["aria-label"]] = []
        if tag == "tr":
            self._table.append([])
        if tag in ("td", "th"):
            self._table[-1].append("")
        if tag not in ("meta", "link"):
            self._path.append(tag)

    def handle_endtag(self, tag):
        assert self._path.pop() == tag

    def handle_data(self, data):
        tag = self._path[-1] if self._path else ""
        if tag in ("td", "th"):
            self._table[-1][-1] += data
        elif tag == "dt":
            self._term = data
        elif tag == "dd":
            self.pairs[self._term] = data
        elif tag == "title" and self._plot:
            self.marks[self._plot].append(data)
        elif tag == "p":
            self.notes.append(data)
        elif tag == "h3":
            self.plans.append(data)

    def rows(self, start):
        """The rows of the tables whose name starts so, one after the other, without their headers."""
        return [row for name, table in self.tables.items() if name.startswith(start) for row in table[1:]]


def rounded(number):
    return math.floor(abs(number) + 0.5) * (1 if number > 0 else -1)


def address(line):
    return re.sub("[:-]", "", line["clientMac"]).upper()


def best_observer(line):
    """Who heard it best, of those with a name where any has one: its name and what it heard."""
    heard = [(each["apMac"] is not None, -999 if each["rssi"] is None else each["rssi"], each["apMac"])
             for each in line.get("deviceObservers") or ()]
    _, strength, name = max(heard, default=(False, -999, None))
    return name, None if strength == -999 else strength


def access_point(line):
    name = line["apMac"] or best_observer(line)[0]
    return name and re.sub("[:-]", "", name).upper()


def rssi(line):
    return best_observer(line)[1] if line["rssi"] is None else line["rssi"]


def is_randomised(line):
    digits = address(line)
    return bool(int(digits[1], 16) & 2) if len(digits) == 12 else line.get("randomised") is True


def devices(lines):
    return {address(line) for line in lines}


def randomised(lines):
    return {address(line) for line in lines if is_randomised(line)}


def figures(lines):
    associated = {address(line) for line in lines if line["ssid"] is not None}
    strengths = [rssi(line) for line in lines if rssi(line) is not None]
    return [f"{len(devices(lines)):,}", f"{len(randomised(lines)):,}", f"{len(lines):,}",
            f"{len(associated):,} ({100 * len(associated) / len(devices(lines)):.0f} %)",
            f"{rounded(median(strengths))} dBm" if strengths else "–"]


def groups(lines, key):
    found = defaultdict(list)
    for line in lines:
        found[key(line)].append(line)
    return found


def seen(name):
    """What of a name can be seen."""
    return "".join(char if char.isprintable() else " " for char in name).strip()


def most_devices_first(found, unnamed):
    order = sorted(found.items(), key=lambda item: (-len(devices(item[1])), -len(item[1]), item[0] is None, item[0]))
    return [[unnamed if name is None else seen(name) or '""', *figures(lines)] for name, lines in order]


def words(lines):
    return f"{len(devices(lines)):,} devices, {len(randomised(lines)):,} of them randomised"


def received(line):
    return datetime.fromisoformat(line["receivedAt"])


def hour_or_day(moment, zone, step):
    """The name of the hour or day in which that moment lies; an hour may begin later, where the clock is changed."""
    local = moment.astimezone(zone)
    if step == "day":
        return f"{local:%Y-%m-%d}"
    quarters = [local.replace(minute=minute, fold=fold) for minute in (0, 15, 30, 45) for fold in (0, 1)]
    begins = next(time for time in quarters if time.utcoffset() == local.utcoffset()
                  and time.astimezone(UTC).astimezone(zone).hour == time.hour)
    return f"{begins:%Y-%m-%d %H:%M}" + (f"{begins: %z}" if zone is not UTC else "")


def names_of_all(lines, zone, step):
    """The name of every hour or day from the first line to the last; those of every quarter of an hour between."""
    moments = [received(line) for line in lines]
    quarters = [min(moments) + timedelta(minutes=15) * number
                for number in range((max(moments) - min(moments)) // timedelta(minutes=15) + 1)]
    return [*dict.fromkeys(hour_or_day(moment, zone, step) for moment in [*quarters, max(moments)])]


ODD = [
    {"clientMac": "dA:30:00:00:00:01", "rssi": None, "x": 0, "y": 0},
    {"clientMac": "DA3000000001", "apMac": "c4-13-e2-00-00-40", "ssid": "", "x": "NaN", "y": 1e308},
    {"clientMac": "dA-30-00-00-00-01", "apMac": "C413E2000040", "ssid": "<i>&amp;", "x": -7.25, "y": 1e5},
    {"clientMac": "a2" * 20, "apMac": None, "ssid": None, "deviceObservers": []},
    {"clientMac": "b2" * 20, "apMac": None, "rssi": None, "randomised": True, "deviceObservers": [
        {"apMac": "c413e2000080", "rssi": -40}, {"apMac": "C413E20000C0", "rssi": None}, {"apMac": None, "rssi": -39}]},
    {"clientMac": "c3" * 16, "apMac": "C413E2000040", "rssi": -128, "randomised": False, "manufacturer": "\u202eA\x00"},
    {"clientMac": "5CB901642E60", "apMac": "C413E2000040", "rssi": 127, "randomised": True, "manufacturer": "Ä" * 300},
]
"""All that a good observation may be, and a sender may mean."""


def odd_lines(moment):
    body = {"ownerId": 1490, "observations": [{"seenEpoch": 0, **observation} for observation in ODD]}
    judged = judge_delivery(json.dumps(body).encode(), f"{moment:%Y-%m-%dT%H:%M:%S}.000000Z")
    assert judged.accepted_count == len(ODD)
    return judged.lines


@pytest.fixture(scope="module", params=[
    ("array", "UTC", "hour"), ("array", "Europe/Berlin", "hour"), ("client-centric", "Asia/Kathmandu", "hour"),
    ("client-centric", "America/New_York", "day")], ids=" ".join)
def shown(request, tmp_path_factory):
    """A page of two days, an outage among them, the lines that it was made from, their folder, and how it was asked."""
    shape, zone, step = request.param
    folder = made_up(tmp_path_factory.mktemp("data"), 12, 40, outage=range(20, 26), shape=shape)
    text = (folder / "presence.jsonl").read_bytes()
    odd = odd_lines(received(json.loads(text.splitlines()[-1])) + timedelta(days=2))
    (folder / "presence-20261101T000000.000000Z.jsonl.gz").write_bytes(gzip.compress(odd))
    html = folder / "page.html"
    assert report("--data-dir", folder, "--html", html, "--timezone", zone, "--by", step).exit_code == 0
    lines = [json.loads(line) for line in (text + odd).splitlines()]
    return Page(html.read_text()), lines, folder, UTC if zone == "UTC" else ZoneInfo(zone), step


def test_every_figure_of_the_page(shown):
    page, lines, folder, *_ = shown
    by_ap = groups(lines, access_point)
    strengths = Counter(rssi(line) // 5 * 5 for line in lines if rssi(line) is not None)
    all_devices, _, observations, associated, strength = figures(lines)
    assert page.pairs == {
        "Devices (distinct addresses)": all_devices, "of them randomised": f"{len(randomised(lines)):,}",
        "of them associated": re.search(r"\((.*)\)", associated)[1], "Observations": observations,
        "Median signal (RSSI)": strength}
    assert page.rows("Each access point") == most_devices_first(by_ap, "not known")
    assert page.rows("SSIDs") == most_devices_first(groups(lines, lambda line: line["ssid"]), "not associated")
    assert page.rows("Manufacturers") == most_devices_first(
        groups(lines, lambda line: line["manufacturer"]), "not known")
    ranges = [[f"{low} to {low + 4}", f"{strengths[low]:,}"] for low in range(min(strengths), max(strengths) + 5, 5)]
    assert page.rows("Observations by signal strength") == ranges
    assert page.marks["Observations by signal strength, in ranges of 5 dB"] == [
        f"{name} dBm: {count} observations" for name, count in ranges]
    assert page.rows("Files read") == [
        [str(folder / "presence-20261101T000000.000000Z.jsonl.gz"), f"{len(ODD)}", "0", "0"],
        [str(folder / "presence.jsonl"), f"{len(lines) - len(ODD):,}", "0", "0"],
        [str(folder / "rejected.jsonl"), f"{(folder / 'rejected.jsonl').read_text().count(chr(10)):,}", "0", "0"]]
    hashed = {address(line) for line in lines if len(address(line)) != 12 and "randomised" not in line}
    assert [note for note in page.notes if "hash" in note] == [
        f"{len(hashed)} device has a hash for an address: whether the address was randomised cannot be seen."]


def test_every_hour_of_the_page(shown):
    page, lines, _, zone, step = shown
    check_hours(page, lines, zone, step, has_gaps=True)


@pytest.mark.parametrize("zone, start, hours, step", [
    ("Europe/Berlin", "2026-10-24T22:20", 4, "hour"), ("Europe/Berlin", "2026-10-24T22:20", 2, "hour"),
    ("Europe/Berlin", "2026-03-28T22:20", 5, "hour"), ("America/New_York", "2026-11-01T03:20", 5, "hour"),
    ("Australia/Lord_Howe", "2026-04-04T12:10", 6, "hour"), ("Australia/Lord_Howe", "2026-10-03T12:10", 6, "hour"),
    ("Pacific/Chatham", "2026-04-04T12:10", 4, "hour"), ("Pacific/Chatham", "2026-09-26T12:10", 4, "hour"),
    ("Antarctica/Troll", "2026-10-24T22:20", 6, "hour"), ("Antarctica/Troll", "2026-03-28T22:20", 6, "hour"),
    ("America/Havana", "2026-03-07T10:00", 30, "day"), ("America/Havana", "2026-10-31T10:00", 40, "hour"),
    ("Pacific/Apia", "2011-12-29T12:00", 60, "day"), ("Pacific/Apia", "2011-12-30T06:00", 8, "hour")])
def test_every_hour_where_the_clock_is_changed(tmp_path, zone, start, hours, step):
    made_up(tmp_path, 3, hours, start=int(datetime.fromisoformat(f"{start}+00:00").timestamp() * 1000))
    html = tmp_path / "page.html"
    assert report("--data-dir", tmp_path, "--html", html, "--timezone", zone, "--by", step).exit_code == 0
    lines = [json.loads(line) for line in (tmp_path / "presence.jsonl").read_bytes().splitlines()]
    check_hours(Page(html.read_text()), lines, ZoneInfo(zone), step)


def check_hours(page, lines, zone, step, has_gaps=False):
    title = f"Distinct devices {'an hour' if step == 'hour' else 'a day'}"
    names = names_of_all(lines, zone, step)
    found = groups(lines, lambda line: hour_or_day(received(line), zone, step))
    access_points = [row[0] for row in page.rows("Each access point")]
    assert page.tables[title][1:] == [
        [name, *(figures(found[name]) if name in found else ["no lines", "", "", "", ""])] for name in names]
    assert page.rows(f"{title}, by access point") == [
        [name, *(cell(found[each], name) if each in found else "no lines" for each in names)]
        for name in access_points]
    gaps = [f"{name}: no lines" for name in names if name not in found]
    assert bool(gaps) == has_gaps
    assert page.marks[title] == gaps + [mark for name in names if name in found
                                        for mark in [f"{name}: {words(found[name])}"] * 2]
    by_both = groups(lines, lambda line: (access_point(line) or "not known",
                                          hour_or_day(received(line), zone, step)))
    assert page.marks[f"{title}, by access point"] == gaps + [
        f"{name}, {each}: {words(by_both[name, each])}"
        for name in access_points for each in names if (name, each) in by_both]


def cell(lines, name):
    own = [line for line in lines if (access_point(line) or "not known") == name]
    return f"{len(devices(own)):,} ({len(randomised(own)):,})" if own else "0"


def is_placed(line):
    return None not in (line["x"], line["y"]) and (line["x"], line["y"]) != (0, 0) and (
        max(abs(line["x"]), abs(line["y"])) <= 1e6)


def test_every_square_of_the_page(shown):
    page, lines, *_ = shown
    placed = [line for line in lines if is_placed(line)]
    by_ap = groups((line for line in placed if line["ssid"] is not None), access_point)
    names = sorted(by_ap, key=lambda name: (-len(by_ap[name]), name))
    tables = [rows[1:] for name, rows in page.tables.items() if name.startswith("Where associated devices were")]
    assert tables[0] == plans(page, placed, by_ap, names[:12])
    assert tables[1:] == ([plans(page, placed, by_ap, names[12:])] if names[12:] else [])


def plans(page, placed, by_ap, names):
    """The table of those access points; what the mouse is told is compared here."""
    table = []
    for name in names:
        extent = max(max(each[axis] for each in by_ap[name]) - min(each[axis] for each in by_ap[name]) for axis in "xy")
        side = next(side for side in (0.5, 1, 2, 5, 10, 10_000) if side * 30 >= extent)
        assert f"{name}, squares of {side:g} m" in page.plans
        squares = Counter((line["x"] // side * side, line["y"] // side * side) for line in by_ap[name])
        rows = [[f"{x:.9g} to {x + side:.9g}", f"{y:.9g} to {y + side:.9g}", f"{count:,}"]
                for (x, y), count in sorted(squares.items())]
        table += [[name, *row] for row in rows]
        own = multimode((line["x"], line["y"]) for line in placed
                        if line["ssid"] is None and access_point(line) == name)
        assert page.marks[f"Where associated devices were: {name}"] == [
            f"x {x}, y {y} m: {count} observations" for x, y, count in rows] + ["the access point"] * bool(own)
    return table


def test_every_reason_of_the_page(shown):
    page, _, folder, *_ = shown
    counts, lines = Counter(), (folder / "rejected.jsonl").read_text().splitlines()
    for text in lines:
        counts.update({reason for reason in reasons(json.loads(text)["errors"], [])})
    assert counts
    assert page.rows(f"{len(lines):,} lines by reason") == [
        [reason, f"{count:,}"] for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def reasons(errors, path):
    if isinstance(errors, dict):
        for key, below in errors.items():
            yield from reasons(below, path if key.isdigit() or key in ("observations", "_schema") else [*path, key])
    else:
        yield from (": ".join(filter(None, [".".join(path), words])) for words in errors)

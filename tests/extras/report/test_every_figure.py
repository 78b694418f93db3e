"""Every figure on the page, computed once more from the lines, without DuckDB."""
import json
import math
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from statistics import median, multimode
from zoneinfo import ZoneInfo

import pytest


class Page(HTMLParser):
    """The tables by their names, the pairs at the top, and what the marks of each plot say to the mouse."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.pairs, self.marks, self.notes = {}, {}, defaultdict(list), []
        self._path, self._plot, self._table, self._term = [], "", None, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "svg" and attributes.get("aria-label"):
            self._plot = attributes["aria-label"]
        if tag == "table":
            self._table = self.tables.setdefault(attributes["aria-label"], [])
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

    def rows(self, start):
        """The rows of the tables whose name starts so, one after the other, without their headers."""
        return [row for name, table in self.tables.items() if name.startswith(start) for row in table[1:]]


def rounded(number):
    return math.floor(abs(number) + 0.5) * (1 if number > 0 else -1)


def is_randomised(address):
    return len(address) == 12 and bool(int(address[1], 16) & 2)


def devices(lines):
    return {line["clientMac"] for line in lines}


def randomised(lines):
    return {address for address in devices(lines) if is_randomised(address)}


def figures(lines):
    associated = {line["clientMac"] for line in lines if line["ssid"] is not None}
    strengths = [line["rssi"] for line in lines if line["rssi"] is not None]
    return [f"{len(devices(lines)):,}", f"{len(randomised(lines)):,}", f"{len(lines):,}",
            f"{len(associated):,} ({100 * len(associated) / len(devices(lines)):.0f} %)",
            f"{rounded(median(strengths))} dBm"]


def groups(lines, key):
    found = defaultdict(list)
    for line in lines:
        found[key(line)].append(line)
    return found


def most_devices_first(found, unnamed):
    order = sorted(found.items(), key=lambda item: (-len(devices(item[1])), -len(item[1]), item[0] or "\uffff"))
    return [[name or unnamed, *figures(lines)] for name, lines in order]


def words(lines):
    return f"{len(devices(lines)):,} devices, {len(randomised(lines)):,} of them randomised"


def hours(lines, zone):
    """The name of every hour from the first line to the last."""
    times = [datetime.fromisoformat(line["receivedAt"]) for line in lines]
    hour = min(times).replace(minute=0, second=0, microsecond=0)
    while hour <= max(times):
        yield hour.astimezone(zone).strftime("%Y-%m-%d %H:%M" + (" %z" if zone is not UTC else ""))
        hour += timedelta(hours=1)


@pytest.fixture(params=["UTC", "Europe/Berlin"])
def zone(request):
    return UTC if request.param == "UTC" else ZoneInfo(request.param)


@pytest.fixture
def shown(made_up, report, zone):
    """A page of two days, an outage among them, and the lines that it was made from."""
    folder = made_up(12, 40, outage=range(20, 26))
    html = folder / "page.html"
    assert report("--data-dir", folder, "--html", html, "--timezone", zone).exit_code == 0
    text = (folder / "presence.jsonl").read_text()
    return Page(html.read_text()), [json.loads(line) for line in text.splitlines()], folder


def test_every_figure_of_the_page(shown, zone):
    page, lines, folder = shown
    by_ap, rssi = groups(lines, lambda line: line["apMac"]), Counter(line["rssi"] // 5 * 5 for line in lines)
    all_devices, _, observations, associated, strength = figures(lines)
    assert page.pairs == {
        "Devices (distinct addresses)": all_devices, "of them randomised": f"{len(randomised(lines)):,}",
        "of them associated": re.search(r"\((.*)\)", associated)[1], "Observations": observations,
        "Median signal (RSSI)": strength}
    assert page.rows("Each access point") == most_devices_first(by_ap, "not known")
    assert page.rows("SSIDs") == most_devices_first(groups(lines, lambda line: line["ssid"]), "not associated")
    assert page.rows("Manufacturers") == most_devices_first(
        groups(lines, lambda line: line["manufacturer"]), "not known")
    ranges = [[f"{low} to {low + 4}", f"{rssi[low]:,}"] for low in range(min(rssi), max(rssi) + 5, 5)]
    assert page.rows("Observations by signal strength") == ranges
    assert page.marks["Observations by signal strength, in ranges of 5 dBm"] == [
        f"{name} dBm: {count} observations" for name, count in ranges]
    assert page.rows("Files read") == [[str(folder / "presence.jsonl"), observations, "0", "0"]]


def test_every_hour_of_the_page(shown, zone):
    page, lines, _ = shown
    names = [*hours(lines, zone)]
    found = groups(lines, lambda line: next(hours([line], zone)))
    access_points = [row[0] for row in page.rows("Each access point")]
    assert page.rows("Distinct devices an hour")[:len(names)] == [
        [name, *(figures(found[name]) if name in found else ["no lines", "", "", "", ""])] for name in names]
    assert page.rows("Distinct devices an hour, by access point") == [
        [access_point, *(cell(found[name], access_point) if name in found else "no lines" for name in names)]
        for access_point in access_points]
    gaps = [f"{name}: no lines" for name in names if name not in found]
    assert 5 <= len(gaps) <= 6
    assert page.marks["Distinct devices an hour"] == gaps + [
        mark for name in names for mark in [f"{name}: {words(found[name])}"] * 2]
    by_both = groups(lines, lambda line: (line["apMac"], next(hours([line], zone))))
    assert page.marks["Distinct devices an hour, by access point"] == gaps + [
        f"{access_point}, {name}: {words(by_both[access_point, name])}"
        for access_point in access_points for name in names if (access_point, name) in by_both]


def cell(lines, access_point):
    own = [line for line in lines if line["apMac"] == access_point]
    return f"{len(devices(own)):,} ({len(randomised(own)):,})" if own else "0"


def test_every_square_of_the_page(shown):
    page, lines, _ = shown
    placed = [line for line in lines if line["x"] is not None and (line["x"], line["y"]) != (0, 0)]
    by_ap = groups((line for line in placed if line["ssid"]), lambda line: line["apMac"])
    extents = [max(max(each[axis] for each in own) - min(each[axis] for each in own) for axis in "xy")
               for own in by_ap.values()]
    side = next(side for side in (0.5, 1, 2, 5, 10) if side * 30 >= median(extents))
    assert any(f"in squares of {side:g} × {side:g} m" in name for name in page.tables)
    order = sorted(by_ap, key=lambda name: (-len(by_ap[name]), name))
    expected = []
    for name in order:
        squares = Counter((line["x"] // side * side, line["y"] // side * side) for line in by_ap[name])
        expected += [[name, f"{x:g} to {x + side:g}", f"{y:g} to {y + side:g}", f"{count:,}"]
                     for (x, y), count in sorted(squares.items())]
        marks = page.marks[f"Where associated devices were: {name}"]
        assert marks == [f"x {x:g} to {x + side:g}, y {y:g} to {y + side:g} m: {count:,} observations"
                         for (x, y), count in sorted(squares.items())] + ["the access point"]
        assert multimode((line["x"], line["y"]) for line in placed if not line["ssid"] and line["apMac"] == name)
    assert page.rows("Where associated devices were") == expected


def test_every_reason_of_the_page(shown):
    page, _, folder = shown
    counts = Counter()
    for text in (folder / "rejected.jsonl").read_text().splitlines():
        counts.update({reason for reason in reasons(json.loads(text)["errors"], [])})
    assert counts
    assert page.rows("Rejected lines by reason") == [
        [reason, f"{count:,}"] for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def reasons(errors, path):
    if isinstance(errors, dict):
        for key, below in errors.items():
            yield from reasons(below, path if key.isdigit() or key in ("observations", "_schema") else [*path, key])
    else:
        yield from (": ".join(filter(None, [".".join(path), words])) for words in errors)

import re
from datetime import UTC, datetime, timedelta

from presence_receiver.extras.report import plots, svg
from presence_receiver.extras.report.places import Map
from presence_receiver.extras.report.svg import Shades
from presence_receiver.extras.report.timeline import Row

TIMES = [datetime(2026, 11, 16, 23, tzinfo=UTC) + timedelta(hours=hour) for hour in range(3)]


def rects(drawn):
    """x, y, width, height and class of each rectangle that says something to the mouse."""
    found = re.findall(r'<rect x="(\S+?)%?" y="(\S+)" width="(\S+?)%?" height="(\S+)" class="(\w+)"><title>', drawn)
    return [(*map(float, numbers), kind) for *numbers, kind in found]


def test_y_goes_upward_on_a_plan_and_the_cross_stands_at_its_place():
    drawn = plots.plan(Map("A", 1.0, (1.0, 3.0), {(0.0, 0.0): 1, (3.0, 3.0): 4}), Shades({1: 1, 4: 1}))
    one = plots.PLAN / 4
    assert [(x, y) for x, y, *_ in rects(drawn)] == [(0, round(3 * one, 1)), (round(3 * one, 1), 0)]
    assert [kind for *_, kind in rects(drawn)] == [Shades({1: 1, 4: 1}).of(1), "s6"]
    assert f'class="mark" d="M{one - 6:.1f} {one:.1f}h12' in drawn


def test_bars_are_as_high_as_their_counts_and_an_hour_without_lines_is_a_band():
    rows = [Row("a", 30, 10, 40, 0, -50), Row("b", 0, 0, 0, 0, None), Row("c", 15, 0, 20, 0, -50)]
    bands, *bars = rects(plots.over_time("devices", "hour", TIMES, rows))
    assert bands == (round(100 / 3, 3), svg.ABOVE, round(100 / 3, 3), plots.AREA, "none")
    heights = [bar[3] for bar in bars]
    assert [round(height / heights[0], 2) for height in heights] == [1, 0.5, 0.75, 0]
    assert round(bars[1][1] + bars[1][3], 1) == bars[0][1]


def test_the_parts_of_a_bar_touch_whatever_they_are_rounded_to():
    rows = [Row("a", devices, randomised, 1, 0, -50) for devices in range(1, 70) for randomised in range(devices)]
    bars = rects(plots.over_time("devices", "hour", TIMES[:1] * len(rows), rows))
    assert all(round(upper[1] + upper[3], 1) == lower[1] for lower, upper in zip(bars[::2], bars[1::2]))


def test_the_tick_of_midnight_stands_at_midnight():
    rows = [Row("a", 1, 0, 1, 0, -50)] * 3
    assert '<text x="33.333%" y="214" class="middle">Nov 17</text>' in plots.over_time("devices", "hour", TIMES, rows)


def test_the_name_of_a_day_stands_below_the_middle_of_its_bar():
    times = [datetime(2026, 11, day, tzinfo=UTC) for day in (16, 17)]
    drawn = plots.over_time("devices", "day", times, [Row("a", 1, 0, 1, 0, -50)] * 2)
    assert '<text x="75%" y="214" class="middle">Nov 17</text>' in drawn and 'x1="50%" x2="50%"' in drawn


def test_a_range_of_strengths_has_its_label_below():
    drawn = plots.histogram("strengths", [(-55, 2), (-50, 4)])
    assert '<text x="25%" y="214" class="middle">-55 to -51</text>' in drawn
    assert [round(height) for *_, height, _ in rects(drawn)] == [plots.AREA * 2 / 4, plots.AREA]


def test_a_square_can_be_seen_however_far_others_are():
    drawn = plots.plan(Map("A", 1.0, None, {(0.0, 0.0): 1, (90_000.0, 0.0): 1}), Shades({1: 2}))
    assert [(width, height) for _, _, width, height, _ in rects(drawn)] == [(1, 1), (1, 1)]

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from presence_receiver.extras.report.periods import fitting, label, periods, ticks
from presence_receiver.extras.report.svg import Shades

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 11, 16, 10, 20, tzinfo=UTC)


@pytest.mark.parametrize("step, after, expected", [
    ("hour", timedelta(hours=5), ["Nov 16, 10:00", "11:00", "12:00", "13:00", "14:00", "15:00"]),
    ("hour", timedelta(hours=30), ["Nov 16, 12:00", "15:00", "18:00", "21:00", "Nov 17", "03:00", "06:00", "09:00",
                                   "12:00", "15:00"]),
    ("hour", timedelta(days=3), ["Nov 16, 12:00", "18:00", "Nov 17", "06:00", "12:00", "18:00", "Nov 18", "06:00",
                                 "12:00", "18:00", "Nov 19", "06:00"]),
    ("hour", timedelta(days=4), ["Nov 17, 2026", "Nov 18", "Nov 19", "Nov 20"]),
    ("day", timedelta(weeks=5), ["Nov 16, 2026", "Nov 23", "Nov 30", "Dec 7", "Dec 14", "Dec 21"]),
    ("day", timedelta(days=300), ["Dec 1, 2026", "Jan 1, 2027", "Feb 1", "Mar 1, 2027", *[f"{name} 1" for name in (
        "Apr", "May", "Jun", "Jul", "Aug", "Sep")]]),
])
def test_ticks_stand_where_a_day_or_a_round_hour_begins(step, after, expected):
    times = periods(START, START + after, step)
    assert [words for _, words, _ in ticks(times, step)] == expected
    for index, words, _ in ticks(times, step):
        hour = words[-5:] if ":" in words else "00:00"
        assert f"{times[index]:%H:%M}" == hour


def test_the_hours_of_the_day_on_which_the_clock_is_set_back():
    times = periods(datetime(2026, 10, 25, 1, tzinfo=BERLIN), datetime(2026, 10, 25, 4, tzinfo=BERLIN), "hour")
    assert [label(time, "hour") for time in times] == [
        f"2026-10-25 {hour}" for hour in ("01:00 +0200", "02:00 +0200", "02:00 +0100", "03:00 +0100", "04:00 +0100")]


def test_no_hour_begins_after_the_last_moment():
    last = datetime(2026, 10, 25, 2, 40, tzinfo=BERLIN)
    assert [label(time, "hour") for time in periods(last, last, "hour")] == ["2026-10-25 02:00 +0200"]
    assert [label(time, "hour") for time in periods(last, last.replace(fold=1), "hour")] == [
        "2026-10-25 02:00 +0200", "2026-10-25 02:00 +0100"]


def test_a_day_without_midnight_has_its_tick_where_it_begins():
    havana = ZoneInfo("America/Havana")
    times = periods(datetime(2026, 3, 6, tzinfo=havana), datetime(2026, 3, 9, tzinfo=havana), "hour")
    found = ticks(times, "hour")
    assert [words for _, words, _ in found if ":" not in words] == ["Mar 6, 2026", "Mar 7", "Mar 8", "Mar 9"]
    assert [f"{times[index]:%d %H:%M}" for index, words, _ in found if words == "Mar 8"] == ["08 01:00"]


def test_days_and_months_follow_the_calendar():
    days = periods(datetime(2026, 3, 28, 12, tzinfo=BERLIN), datetime(2026, 3, 30, 1, tzinfo=BERLIN), "day")
    assert [time.isoformat() for time in days] == [
        "2026-03-28T00:00:00+01:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"]
    months = periods(datetime(2026, 11, 30, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC), "month")
    assert [label(time, "month") for time in months] == ["2026-11", "2026-12", "2027-01", "2027-02"]


def test_a_year_is_told_where_it_begins_also_on_a_narrow_screen():
    found = ticks(periods(START, START + timedelta(weeks=9), "day"), "day")
    assert [words for _, words, _ in found] == [
        "Nov 16, 2026", "Nov 23", "Nov 30", "Dec 7", "Dec 14", "Dec 21", "Dec 28", "Jan 4, 2027", "Jan 11",
        "Jan 18, 2027"]
    assert [words for _, words, is_left_out in found if not is_left_out] == [
        "Nov 16, 2026", "Dec 7", "Dec 28", "Jan 18, 2027"]


@pytest.mark.parametrize("months, expected", [
    (5, ["Nov 2026", "Dec", "Jan 2027", "Feb", "Mar"]),
    (24, ["Jan 2027", "Apr", "Jul", "Oct", "Jan 2028", "Apr", "Jul", "Oct"]),
    (60, ["2027", "2028", "2029", "2030", "2031"]),
    (240, ["2028", "2030", "2032", "2034", "2036", "2038", "2040", "2042", "2044", "2046"]),
])
def test_the_ticks_of_months(months, expected):
    times = periods(START, START + timedelta(days=30.4 * (months - 1)), "month")
    assert [words for _, words, _ in ticks(times, "month")] == expected


@pytest.mark.parametrize("step", ["day", "month"])
def test_there_are_a_dozen_ticks_at_most_and_some_however_long_it_is(step):
    start = datetime(1970, 1, 15, tzinfo=UTC)
    all_times = periods(start, datetime(2199, 12, 31, tzinfo=UTC), step)
    for count in (1, 12, 13, 85, 100, 400, 1500, len(all_times)):
        assert 1 <= len(ticks(all_times[:count], step)) <= 12


@given(st.dictionaries(st.integers(1, 12) | st.integers(1, 10_000), st.integers(1, 50), min_size=1))
def test_each_count_has_the_shade_of_its_legend(counts):
    shades = Shades(counts)
    legend = [(kind, *(int(number.replace(",", "")) for number in words.split(" to "))) for kind, words in re.findall(
        'class="(.*?)"/></svg> (.*?)</li>', shades.legend("Devices", ("s0", "0")))][1:]
    kinds, lows, highs = zip(*((kind, between[0], between[-1]) for kind, *between in legend))
    assert [*kinds] == sorted({*kinds}) and {*kinds} <= {f"s{number}" for number in range(1, 7)}
    assert lows == (1, *(high + 1 for high in highs[:-1])) and kinds[-1] == shades.of(max(counts)) == "s6"
    assert all(low <= count <= high for count in counts for kind, low, high in zip(kinds, lows, highs)
               if shades.of(count) == kind)


def test_beyond_ten_days_there_are_days_and_beyond_400_months():
    assert [fitting(timedelta(days=days)) for days in (10, 11, 400, 401)] == ["hour", "day", "day", "month"]


@pytest.mark.parametrize("counts, legend", [
    ({281: 1, **dict.fromkeys(range(9, 41), 10)}, ["1 to 10", "11 to 20", "21 to 30", "31 to 40", "41 to 281"]),
    (dict.fromkeys(range(217, 261), 1), ["1 to 50", "51 to 100", "101 to 150", "151 to 200", "201 to 250",
                                         "251 to 300"]),
    ({525: 1, 1: 90, 2: 30}, ["1", "2", "3 to 525"]), ({1: 7}, ["1"]), ({1: 99, 1_000_000: 1}, ["1", "2 to 1,000,000"]),
])
def test_one_access_point_that_sees_much_takes_no_shade_from_the_others(counts, legend):
    shades = Shades(counts)
    assert re.findall("</svg> (.*?)</li>", shades.legend("Devices", ("frame", "0"))) == ["0", *legend]
    assert shades.of(max(counts)) == "s6"

"""promtool's notation of durations, series and values."""

from __future__ import annotations

import math

import pytest

from alerting.replay.notation import NotationError, parse_duration, parse_series, parse_values
from alerting.replay.points import Points


def _points(points: Points) -> list[tuple[float, float | str]]:
    """(time, value) of each point; a stale marker is "stale"."""
    return [
        (at, "stale" if points.newest_is_stale(slice(position, position + 1)) else value)
        for position, (at, value) in enumerate(points.items())
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("90s", 90),
        ("1m", 60),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("1w", 604_800),
        ("1y", 31_536_000),
        ("500ms", 0.5),
        ("1m500ms", 60.5),
        ("1w2d3h4m5s6ms", 788_645.006),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "m", "1.5h", "-1m", "30m1h", "1 m", "1m ", "1min", "٣m"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(NotationError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("", []),
        ("1", [(0, 1)]),
        ("1 2  3", [(0, 1), (60, 2), (120, 3)]),
        ("7x2", [(0, 7), (60, 7), (120, 7)]),
        ("0x2", [(0, 0), (60, 0), (120, 0)]),
        ("7x0", [(0, 7)]),
        ("1+2x2", [(0, 1), (60, 3), (120, 5)]),
        ("1-2x2", [(0, 1), (60, -1), (120, -3)]),
        ("-1-1x1", [(0, -1), (60, -2)]),
        ("+1+0x1", [(0, 1), (60, 1)]),
        (".5x1", [(0, 0.5), (60, 0.5)]),
        ("1e3 1.5e-1 6e+1", [(0, 1000), (60, 0.15), (120, 60)]),
        ("_ 1", [(60, 1)]),
        ("_x2 1 _ 2", [(120, 1), (240, 2)]),
        ("1 stale _ 2", [(0, 1), (60, "stale"), (180, 2)]),
        ("Inf -inf +Inf", [(0, math.inf), (60, -math.inf), (120, math.inf)]),
        ("1 2x1 _ 1+1x1 stale", [(0, 1), (60, 2), (120, 2), (240, 1), (300, 2), (360, "stale")]),
    ],
)
def test_values(text: str, points: list[tuple[float, float | str]]) -> None:
    assert _points(parse_values(text, 60)) == points


def test_a_nan_is_a_sample_without_a_number() -> None:
    ((at, value),) = parse_values("NaN", 60).items()
    assert (at, math.isnan(value)) == (0, True)


def test_times_lie_exactly_on_the_interval() -> None:
    times = [at for at, _ in parse_values("1x9", 0.1).items()]
    assert times == [number / 10 for number in range(10)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3y", r"'3y' is not a value: .* \(column 5\)"),
        ("1+2", "'1\\+2' is not a value"),
        ("1x", "is not a value"),
        ("1x-2", "is not a value"),
        ("1 x2", r"\(column 3\)"),
        ("1,2", "is not a value"),
        ("0x1F", "is not a value"),
        ("__", "is not a value"),
        ("stalex3", "is not a value"),
        ("1 {{schema:0 sum:5 count:4}}", r"native histograms are not supported \(column 3\)"),
        ("1x99999999999999999999", "at most 1000000 values"),
        ("_x999999 1x9", "at most 1000000 values"),
    ],
)
def test_bad_values_are_refused_with_their_column(text: str, message: str) -> None:
    with pytest.raises(NotationError, match=message):
        parse_values(text, 60)


@pytest.mark.parametrize(
    ("text", "name", "labels"),
    [
        ("up", "up", {}),
        (" up { } ", "up", {}),
        ('up{job="a"}', "up", {"job": "a"}),
        ("up{job='a', b=\"c d\",}", "up", {"job": "a", "b": "c d"}),
        ('job:up:rate5m{a="}",b=","}', "job:up:rate5m", {"a": "}", "b": ","}),
        ('{__name__="up", a="b"}', "up", {"a": "b"}),
        (r'up{a="say \"hi\"\n\\ \x41é"}', "up", {"a": 'say "hi"\n\\ Aé'}),
        ('up{a=""}', "up", {}),
        ('up{"service.name"="api"}', "up", {"service.name": "api"}),
    ],
)
def test_series(text: str, name: str, labels: dict[str, str]) -> None:
    selector = parse_series(text)
    assert (selector.name, dict(selector.labels)) == (name, labels)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a series has one name"),
        ('{a="b"}', "a series has one name"),
        ('up{__name__="down"}', "a series has one name"),
        ('up{a="b"', r"expected a comma or a closing brace \(column 9\)"),
        ('up{a="b" c="d"}', "expected a comma or a closing brace"),
        ("up{a=b}", r'expected name="value" or a closing brace \(column 4\)'),
        ('up{a=~"b"}', 'expected name="value"'),
        ('up{a="b",a="c"}', "the label a is given twice"),
        ('up{a="b"} 5', "unexpected '5'"),
        ("5up", "unexpected '5up'"),
        (r'up{a="\U99999999"}', "is not a character"),
    ],
)
def test_bad_series_are_refused(text: str, message: str) -> None:
    with pytest.raises(NotationError, match=message):
        parse_series(text)

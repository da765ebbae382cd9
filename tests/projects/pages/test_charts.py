from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from projects.pages.charts import Band, Line, Mark, Threshold, TimeChart, most

START = datetime(2026, 3, 10, 12, tzinfo=UTC)
END = START + timedelta(hours=1)


def _points(*values: float | None) -> list[tuple[datetime, float | None]]:
    return [(START + timedelta(minutes=number), value) for number, value in enumerate(values)]


def _chart(*lines: Line, **others: object) -> TimeChart:
    return TimeChart(id="chart", title="CPU", lines=lines, start=START, end=END, **others)  # type: ignore[arg-type]  # any field


def test_times_are_on_the_readers_clock() -> None:
    figure = _chart(Line("a", _points(1)), zone=ZoneInfo("Asia/Tokyo")).figure
    assert figure["data"][0]["x"] == ["2026-03-10 21:00:00.000"]
    assert figure["layout"]["xaxis"]["range"] == ["2026-03-10 21:00:00.000", "2026-03-10 22:00:00.000"]


def test_what_no_axis_can_hold_is_a_gap() -> None:
    figure = _chart(Line("a", _points(1, None, float("inf"), float("nan"), 1e308, 2))).figure
    assert figure["data"][0]["y"] == [1, None, None, None, None, 2]
    msgspec.json.encode(figure)


def test_a_lone_point_is_drawn_as_a_dot() -> None:
    modes = [
        _chart(Line("a", _points(*values))).figure["data"][0]["mode"]
        for values in [(1, 2, 3), (1, None, 2, 3)]
    ]
    assert modes == ["lines", "lines+markers"]


def test_limits_episodes_and_moments_are_drawn_in_with_their_texts_escaped() -> None:
    chart = _chart(
        Line("<b>a</b>", _points(60)),
        thresholds=[Threshold(80, "> 80 <script>")],
        bands=[Band(START - timedelta(hours=1), START + timedelta(minutes=5), "firing", "critical")],
        marks=[Mark(START, "web 1.42")],
    )
    layout = chart.figure["layout"]
    assert [shape["type"] for shape in layout["shapes"]] == ["rect", "line", "line"]
    assert layout["shapes"][0]["x0"] == "2026-03-10 12:00:00.000"
    assert [one["text"] for one in layout["annotations"]] == ["&gt; 80 &lt;script&gt;", "web 1.42"]
    assert chart.figure["data"][0]["name"] == "&lt;b&gt;a&lt;/b&gt;"


@pytest.mark.parametrize(
    ("limit", "arrow", "place"), [(1e300, "↑ ", 1), (-1e300, "↓ ", 0), (50, "↑ ", 1)], ids=str
)
def test_a_threshold_too_far_away_is_named_at_the_edge_instead_of_flattening_the_lines(
    limit: float, arrow: str, place: int
) -> None:
    chart = _chart(Line("a", _points(1, 5, 2)), thresholds=[Threshold(limit, "far"), Threshold(20, "near")])
    layout = chart.figure["layout"]
    assert [shape["y0"] for shape in layout["shapes"]] == [20]
    far = next(one for one in layout["annotations"] if one["text"] == f"{arrow}far")
    assert (far["yref"], far["y"]) == ("paper", place)
    assert [one.label for one in chart.beyond] == ["far"]


def test_without_any_height_and_on_a_logarithmic_axis_far_is_told_by_what_is_seen() -> None:
    assert _chart(Line("a", _points(0, 0)), thresholds=[Threshold(1e300, "far")]).beyond == []
    ends = Line("a", _points(1, 1000))
    drawn = _chart(ends, thresholds=[Threshold(1e6, "near"), Threshold(1e200, "far")], logarithmic=True)
    assert [one.label for one in drawn.beyond] == ["far"]
    largest = _chart(Line("a", _points(-1e300, 1e300)), thresholds=[Threshold(1.7e308, "far")])
    assert [one.label for one in largest.beyond] == ["far"]


def test_a_ratio_is_percent_on_the_axis_in_the_table_and_in_words() -> None:
    chart = _chart(Line("errors", _points(0.051, 0.18)), unit="ratio")
    assert chart.columns == ["Time", "errors"]
    assert [[cell.text for cell in cells] for _, cells in chart.rows] == [["5.1 %"], ["18 %"]]
    assert chart.words == "CPU: from 5.1 % to 18 %"
    assert chart.figure["layout"]["yaxis"]["tickformat"].endswith("%")


def test_words_name_only_numbers_that_are_drawn() -> None:
    assert _chart(Line("a", _points(float("inf"), 1, float("nan")))).words == "CPU: 1"
    assert _chart(Line("a", _points(float("inf")))).words == "CPU: no number that can be drawn"


def test_a_unit_that_a_client_made_up_is_no_link() -> None:
    figure = _chart(Line("a", _points(1)), unit="<a href='https://evil.example'>ms</a>").figure
    assert "<" not in figure["layout"]["yaxis"]["title"]["text"]


def test_the_table_has_a_row_a_moment_and_a_column_a_line() -> None:
    chart = _chart(Line("a", _points(1, 2)), Line("b", _points(None, 1234)), unit="ms")
    assert chart.columns == ["Time", "a (ms)", "b (ms)"]
    assert [[cell.text for cell in cells] for _, cells in chart.rows] == [["1", "-"], ["2", "1.23 k"]]
    assert chart.words == "CPU: from 1 to 1.23 k ms"


def test_dots_of_one_moment_have_a_row_each_with_its_link() -> None:
    dots = Line("b", [(START, 7), (START, 9)], dots=True, urls=["/first", "/second"])
    rows = _chart(Line("a", _points(1)), dots).rows
    assert [[(cell.text, cell.url) for cell in cells] for _, cells in rows] == [
        [("1", ""), ("7", "/first")],
        [("-", ""), ("9", "/second")],
    ]
    assert {at for at, _ in rows} == {START}


def test_the_eight_highest_lines_are_drawn_and_the_others_counted() -> None:
    lines = [Line(f"line {number}", _points(number)) for number in range(11)]
    drawn, left_out = most(lines)
    assert [line.name for line in drawn] == [f"line {number}" for number in range(10, 2, -1)]
    assert left_out == 3

from __future__ import annotations

import re

import pytest

from projects.pages.sparkline import HEIGHT, WIDTH, sparkline


def test_a_line_spans_the_box_and_begins_at_zero() -> None:
    drawn = sparkline([0, 5, 10])
    assert drawn is not None
    assert drawn.line == f"M0.0 {HEIGHT}.0L50.0 13.0L{WIDTH}.0 2.0"


def test_gaps_stay_gaps_and_a_lone_value_is_a_dash() -> None:
    drawn = sparkline([1, 1, None, 1, None])
    assert drawn is not None
    assert drawn.line.count("M") == 2
    assert drawn.line.endswith("M62.5 2.0L87.5 2.0")


@pytest.mark.parametrize("values", [[], [None, None], [3], [3, None]])
def test_too_few_values_are_no_picture(values: list[float | None]) -> None:
    assert sparkline(values) is None


@pytest.mark.parametrize("values", [[0, 0, 0], [1e300, 0, 5e-324], [-5, 3]])
def test_odd_values_stay_inside_the_box(values: list[float | None]) -> None:
    drawn = sparkline(values)
    assert drawn is not None
    heights = [float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", drawn.area)]
    assert all(0 <= height <= HEIGHT for height in heights)

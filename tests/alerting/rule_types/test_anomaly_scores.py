"""How anomaly rules are scored against labelled windows."""

from __future__ import annotations

import io
import json
import os
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from alerting.anomaly_scores.detectors import episodes_of, z_score_episodes
from alerting.anomaly_scores.labelled import LabelledSeries, read_folder
from alerting.anomaly_scores.scoring import added, score

START = datetime(2026, 3, 2, tzinfo=UTC)
STEP = timedelta(minutes=5)
TIMES = [START + n * STEP for n in range(1000)]
NAB = os.environ.get("NAB_FOLDER", "")


def at(position: int) -> datetime:
    return TIMES[position]


@pytest.mark.parametrize(
    ("episodes", "detected", "false", "delay"),
    [
        ([], 0, 0, None),
        ([(400, 400)], 1, 0, 0.0),
        ([(450, 450)], 1, 0, 0.5),
        ([(500, 510), (430, 431)], 1, 0, 0.3),
        ([(300, 301)], 0, 1, None),
        ([(390, 410)], 0, 0, None),
        ([(501, 501)], 0, 1, None),
        ([(10, 20)], 0, 0, None),
        ([(149, 149), (150, 150)], 0, 1, None),
    ],
)
def test_an_alert_that_begins_in_a_window_detects_it(
    episodes: list[tuple[int, int]], detected: int, false: int, delay: float | None
) -> None:
    found = score(TIMES, [(at(400), at(500))], [(at(first), at(last)) for first, last in episodes])
    assert (found.detected_count, found.false_count, found.delay_ratio) == (detected, false, delay)


def test_scores_add_up() -> None:
    one = score(TIMES, [(at(400), at(500))], [(at(400), at(401)), (at(600), at(601))])
    both = added([one, score(TIMES, [(at(400), at(500))], [])])
    assert (both.recall, both.precision, both.false_per_thousand_points) == (0.5, 0.5, 0.5)
    assert added([]).precision is None


def test_an_alert_that_comes_back_soon_is_the_same_episode() -> None:
    fires = [False, True, True, False, True, False, False, True]
    assert episodes_of(TIMES[:8], fires, 2 * STEP) == [(at(1), at(4)), (at(7), at(7))]


def test_a_z_score_finds_what_lies_far_from_the_mean() -> None:
    noise = random.Random(1)
    values = [noise.gauss(0, 1) for _ in range(500)]
    values[300] = 50
    series = LabelledSeries("x", list(zip(TIMES, values, strict=False)), [])
    assert z_score_episodes(series, 6, STEP) == [(at(300), at(300))]


def labelled(folder: Path) -> None:
    """Ten days of a daily rhythm; on the last one a night that looks like a day: within the range of all values."""
    noise = random.Random(3)
    odd = range(9 * 288 + 12, 9 * 288 + 48)
    values = [
        (100 if 96 <= n % 288 < 240 or n in odd else 20) + noise.uniform(-3, 3) for n in range(10 * 288)
    ]
    lines = [f"{START + n * STEP:%Y-%m-%d %H:%M:%S},{value}" for n, value in enumerate(values)]
    window = [f"{START + n * STEP:%Y-%m-%d %H:%M:%S.%f}" for n in (odd.start, odd.stop)]
    (folder / "labels").mkdir()
    (folder / "labels" / "combined_windows.json").write_text(json.dumps({"own/night.csv": [window]}))
    (folder / "own").mkdir()
    (folder / "own" / "night.csv").write_text("\n".join(["timestamp,value", *lines]))


def test_the_rule_finds_the_odd_night_that_a_z_score_can_not_see(tmp_path: Path) -> None:
    labelled(tmp_path)
    out = io.StringIO()
    call_command("score_anomalies", tmp_path, stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[1].split() == ["own/night.csv", "rule", "1", "1", "0", "0.00", "1.00", lines[1].split()[-1]]
    assert float(lines[1].split()[-1]) < 0.4
    assert lines[2].split() == ["own/night.csv", "z-score", "1", "0", "0", "0.00", "-", "-"]
    assert "rule: recall 1.00, precision 1.00" in lines


def test_times_come_in_order_and_once(tmp_path: Path) -> None:
    labelled(tmp_path)
    path = tmp_path / "own" / "night.csv"
    header, first, second, *others = path.read_text().splitlines()
    path.write_text("\n".join([header, second, first, first, *others]))
    (series,) = read_folder(tmp_path)
    assert [moment for moment, _ in series.points] == [START + n * STEP for n in range(10 * 288)]


def test_a_folder_without_labels_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="has no labels"):
        call_command("score_anomalies", tmp_path)
    with pytest.raises(CommandError, match="threshold: Must be more than 0"):
        call_command("score_anomalies", tmp_path, "--threshold=0")


@pytest.mark.skipif(not Path(NAB, "labels").is_dir(), reason="NAB_FOLDER names no copy of the benchmark")
def test_the_rule_does_better_than_a_z_score_on_a_labelled_benchmark() -> None:
    out = io.StringIO()
    call_command("score_anomalies", NAB, stdout=out)
    found = re.findall(r"^(rule|z-score): recall ([\d.]+), precision ([\d.]+)$", out.getvalue(), re.MULTILINE)
    (rule_recall, rule_precision), (z_recall, z_precision) = ((float(r), float(p)) for _, r, p in found)
    assert rule_recall > z_recall
    assert rule_precision > z_precision

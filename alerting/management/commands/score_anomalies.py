from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alerting.anomaly_scores.detectors import anomaly_episodes, z_score_episodes
from alerting.anomaly_scores.labelled import NotLabelled, read_folder
from alerting.anomaly_scores.scoring import Score, added, score
from alerting.rule_types import ConditionError
from alerting.rule_types.anomaly import RULE_TYPE

_ROW = "{:<58} {:<8} {:>8} {:>9} {:>7} {:>10} {:>7} {:>7}"


class Command(BaseCommand):
    help = "Report what the anomaly rule finds in labelled series (such as NAB's), beside a plain z-score."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="holds labels/combined_windows.json and the CSV files")
        parser.add_argument("--threshold", type=float, default=4, help="deviations that are too far (4)")
        parser.add_argument("--window-minutes", type=float, default=60, help="the rule's window (60)")
        parser.add_argument("--history-weeks", type=int, default=4, help="the rule's history (4)")
        parser.add_argument(
            "--keep-minutes",
            type=float,
            default=60,
            help="an alert that comes back within this is the same (60)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        config = {
            "metric": "value",
            "threshold": options["threshold"],
            "time_window_minutes": options["window_minutes"],
            "history_weeks": options["history_weeks"],
        }
        try:
            condition = RULE_TYPE.parse(config, "system_metric")
        except ConditionError as error:
            raise CommandError(str(error)) from None
        keep = timedelta(minutes=options["keep_minutes"])
        scores: dict[str, list[Score]] = {"rule": [], "z-score": []}
        header = ("file", "detector", "windows", "detected", "false", "per 1,000", "prec.", "delay")
        self.stdout.write(_ROW.format(*header))
        try:
            for series in read_folder(options["folder"]):
                times = [at for at, _ in series.points]
                found = {
                    "rule": anomaly_episodes(series, condition, keep),
                    "z-score": z_score_episodes(series, condition.threshold, keep),
                }
                for detector, episodes in found.items():
                    one = score(times, series.windows, episodes)
                    scores[detector].append(one)
                    self._write(series.name, detector, one)
        except NotLabelled as error:
            raise CommandError(str(error)) from None
        for detector, all_scores in scores.items():
            total = added(all_scores)
            self._write("all", detector, total)
            self.stdout.write(
                f"{detector}: recall {_share(total.recall)}, precision {_share(total.precision)}"
            )

    def _write(self, name: str, detector: str, one: Score) -> None:
        self.stdout.write(
            _ROW.format(
                name,
                detector,
                one.window_count,
                one.detected_count,
                one.false_count,
                f"{one.false_per_thousand_points:.2f}",
                _share(one.precision),
                _share(one.delay_ratio),
            )
        )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"

"""The stored telemetry that rules look at in a period, in memory: read once, asked at every step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from alerting.backtest import counts, points
from alerting.backtest.counts import Buckets
from alerting.backtest.needs import Needs
from alerting.backtest.period import Period
from alerting.replay.memory import MemorySources, MetricSeries
from alerting.replay.scans import EventCount, SpanRow
from alerting.sources import history
from alerting.sources.reading import Hourly
from alerting.sources.samples import Question, Window

HOUR = timedelta(hours=1)

HourlyByQuestion = Mapping[tuple[str, Question], Hourly]


class HistorySources(MemorySources):
    """Records in memory, and whole hours as roll-ups have them."""

    def __init__(
        self,
        hours: HourlyByQuestion,
        *,
        metrics: Iterable[MetricSeries],
        business: Iterable[MetricSeries],
        events: Iterable[EventCount],
        spans: Iterable[SpanRow],
    ) -> None:
        super().__init__(metrics=metrics, business=business, events=events, spans=spans)
        self._answers = hours
        self._pieces: dict[tuple[str, Question], tuple[Window, Hourly]] = {}

    def hourly(self, source: str, window: Window, questions: Sequence[Question]) -> dict[int, Hourly]:
        return {
            question.rule_id: self._piece((source, question.without_rule), window) for question in questions
        }

    def _piece(self, key: tuple[str, Question], window: Window) -> Hourly:
        """The hours of a window; kept, as the next steps ask for the same ones."""
        kept = self._pieces.get(key)
        if kept and kept[0] == window:
            return kept[1]
        piece = {
            labels: {hour: value for hour, value in values.items() if window.start <= hour < window.end}
            for labels, values in self._answers[key].items()
        }
        piece = {labels: values for labels, values in piece.items() if values}
        self._pieces[key] = window, piece
        return piece


def load(needs: Needs, project_id: int, period: Period) -> HistorySources:
    """All that rules with these needs look at in the period. Raises django.db.Error, TooManyGroups, TooMuch."""
    asked = needs.questions
    length = needs.grid(period.step_seconds)

    def window(source: str) -> Window:
        start = period.start - needs.look_back[source]
        return Window(project_id, period.end, (period.end - start).total_seconds())

    def buckets(source: str) -> Buckets:
        # Whole pieces back from the first evaluation, so that they end where windows do.
        start = period.start - -(-needs.look_back[source] // length) * length
        return Buckets(project_id, start, period.end, length)

    return HistorySources(
        _hours(needs, project_id, period),
        metrics=points.of_metrics(window("system_metric"), asked["system_metric"]),
        business=points.of_business_metrics(window("business_metric"), asked["business_metric"]),
        events=counts.events(buckets("telemetry_event"), asked["telemetry_event"]),
        spans=counts.spans(buckets("trace"), asked["trace"]),
    )


def _hours(needs: Needs, project_id: int, period: Period) -> HourlyByQuestion:
    found: dict[tuple[str, Question], Hourly] = {}
    for (source, question), back in needs.hours.items():
        start, end = _hour_of(period.start - back - HOUR), _hour_of(period.end) + HOUR
        window = Window(project_id, end, (end - start).total_seconds())
        found[source, question] = history.hourly(source, window, [question])[question.rule_id]
    return found


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)

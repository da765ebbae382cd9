"""What the rule in the form would have done, while the form is being filled in. Nothing is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.utils import timezone

from alerting.admin.rule_chart import rule_chart
from alerting.admin.rule_form import RuleForm
from alerting.backtest.curve import CurvePoint
from alerting.backtest.errors import BacktestError, Busy, PeriodError
from alerting.backtest.run import Backtest, backtest
from alerting.backtest.tally import Sum
from alerting.display.conditions import condition_of
from alerting.models import Rule
from alerting.sources.samples import LabelSet
from alerting.state import RuleState
from alerting.values import value_text
from projects import figures
from projects.pages.zones import zone_name

TEMPLATE = "alerting/rule_preview_result.html"
LISTED_TURNS = 50
LISTED_LABEL_SETS = 10
OWN = "own"
RANGES: Mapping[str, tuple[timedelta, str]] = {
    "6h": (timedelta(hours=6), "In the last 6 h"),
    "24h": (timedelta(hours=24), "In the last 24 h"),
    "7d": (timedelta(days=7), "In the last 7 days"),
}
_NOT_ASKED = ("channels", "emails", "slack_channel")
"""Who is told doesn't matter to what fires."""


class PeriodForm(forms.Form):
    """Which time to look at: one of RANGES, or a period of one's own, by the reader's clock."""

    preview_range = forms.ChoiceField(choices=[(name, name) for name in (*RANGES, OWN)])
    preview_start = forms.DateTimeField(required=False)
    preview_end = forms.DateTimeField(required=False)

    def period(self, now: datetime) -> tuple[datetime, datetime, str]:
        """Start, end, and both in words. Raises PeriodError."""
        if not self.is_valid():
            raise PeriodError({"start": "Write both times as 2026-01-31 14:30."})
        given = self.cleaned_data
        if given["preview_range"] != OWN:
            length, words = RANGES[given["preview_range"]]
            return now - length, now, words
        start, end = given["preview_start"], given["preview_end"]
        if not (start and end):
            raise PeriodError({"start": "Say from when to when."})
        here, there = timezone.localtime(start), timezone.localtime(end)
        return start, end, f"From {here:%Y-%m-%d %H:%M} to {there:%Y-%m-%d %H:%M} {_zone()}"


def preview(
    request: HttpRequest, form_class: type[RuleForm], rule: Rule | None, now: datetime
) -> HttpResponse:
    """A piece of the page: chart, counts and other thresholds, or in words why there are none.

    429 while another backtest of the project is under way: the page asks again.
    """
    form = form_class(_as_preview(request.POST), instance=rule)
    if not form.is_valid():
        return TemplateResponse(request, TEMPLATE, {"errors": _errors(form)})
    tried = form.instance
    condition = condition_of(tried)
    assert condition is not None  # a valid form has one
    try:
        start, end, words = PeriodForm(request.POST).period(now)
        found = backtest(tried, condition, start, end, now)
    except Busy as error:
        return TemplateResponse(request, TEMPLATE, {"problem": str(error)}, status=429)
    except BacktestError as error:
        return TemplateResponse(request, TEMPLATE, {"problem": str(error)})
    return TemplateResponse(request, TEMPLATE, _context(tried, found, words))


def _as_preview(posted: QueryDict) -> QueryDict:
    """The form as it stands, without what a preview doesn't need: a name, and whom to tell."""
    data = posted.copy()
    for name in _NOT_ASKED:
        data.pop(name, None)
    data["enabled"] = "on"
    if not data.get("name", "").strip():
        data["name"] = "new rule"
    return data


def _errors(form: RuleForm) -> list[str]:
    """As sentences: the fields that are still empty in one."""
    missing = [name for name, errors in form.errors.as_data().items() if errors[0].code == "required"]
    sentences = [
        f"{form.fields[name].label}: {' '.join(map(str, errors))}"
        if name in form.fields
        else " ".join(map(str, errors))
        for name, errors in form.errors.items()
        if name not in missing
    ]
    if missing:
        labels = ", ".join(str(form.fields[name].label) for name in missing)
        sentences.insert(0, f"Still to fill in: {labels}.")
    return sentences


def _context(rule: Rule, found: Backtest, words: str) -> dict[str, Any]:
    if not found.tracks.has_data() and not found.tally.turns:
        return {"problem": _nothing(rule, words), "notes": found.notes}
    total, by_labels = found.tally.total(), found.tally.by_labels()
    here = timezone.get_current_timezone()
    days = found.tally.by_day(found.period.start, found.period.end, here)
    return {
        "summary": summary(total, words),
        "chart": rule_chart(found, here),
        "zone": _zone(),
        "label_sets": _label_sets(by_labels) if found.rule.condition.group_by else [],
        "label_set_count": len(by_labels),
        "days": [(f"{day:%Y-%m-%d}", total, _minutes(total)) for day, total in days.items()],
        "curve": _curve(found.curve, found.rule.state),
        "turns": found.tally.turns[-LISTED_TURNS:][::-1],
        "turn_count": len(found.tally.turns),
        "notes": found.notes,
    }


def summary(total: Sum, words: str) -> str:
    """How often it would have fired, how long, and how much it would have said, in one sentence."""
    if not total.fires:
        return f"{words} it would not have fired."
    return (
        f"{words} it would have fired {_times(total.fires)}, {_minutes(total)} in all, "
        f"{total.messages} message{'' if total.messages == 1 else 's'} to each channel."
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def _minutes(total: Sum) -> str:
    """An alert that cleared in the evaluation after it fired is told all the same."""
    if not total.minutes_firing:
        return "under a minute" if total.fires else "0 min"
    return figures.duration(total.minutes_firing * 60_000)


def _nothing(rule: Rule, words: str) -> str:
    metric = rule.condition_config.get("metric")
    what = f"of {metric} " if metric else ""
    return f"{words} there is no data {what}in {rule.project.name}."


def _label_sets(sums: Mapping[LabelSet, Sum]) -> list[tuple[str, Sum, str]]:
    ordered = sorted(sums.items(), key=lambda item: (-item[1].minutes_firing, item[0]))
    return [
        (", ".join(f"{name}={value}" for name, value in labels) or "value", total, _minutes(total))
        for labels, total in ordered[:LISTED_LABEL_SETS]
    ]


def _curve(points: Sequence[CurvePoint], state: RuleState) -> list[dict[str, Any]]:
    most = max((point.sum.fires for point in points), default=0) or 1
    return [
        {
            "threshold": repr(point.threshold).removesuffix(".0"),
            "words": value_text(point.threshold, state.unit),
            "fires": point.sum.fires,
            "minutes": _minutes(point.sum),
            "percent": round(100 * point.sum.fires / most),
            "is_own": point.threshold == state.threshold,
        }
        for point in points
    ]


def input_text(moment: datetime) -> str:
    """By the reader's clock, as `<input type="datetime-local">` has it."""
    return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M}"


def _zone() -> str:
    return zone_name(timezone.get_current_timezone())


def panel(url: str, now: datetime) -> dict[str, Any]:
    """What the page needs before anything was asked."""
    return {
        "url": url,
        "ranges": [(name, words.removeprefix("In the ")) for name, (_, words) in RANGES.items()],
        "start": input_text(now - timedelta(days=7)),
        "end": input_text(now),
        "zone": _zone(),
    }

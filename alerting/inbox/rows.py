"""The alerts of the inbox: loaded in a few queries, sorted into tabs, shown as rows and groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet, prefetch_related_objects
from django.urls import reverse

from alerting.display.alerts import comparison, lasted, number_text, units_of_alerts
from alerting.display.badges import SEVERITY_ICONS
from alerting.inbox.choice import BY_RULE, BY_SEVERITY, TABS, Choice, Tab, is_found, tab_of
from alerting.inbox.order import worst_first
from alerting.models import OPEN_STATUSES, Alert, Status
from alerting.policy.muting import ActiveMutes, Mute
from projects.models import Project
from projects.pages.time_range import TimeRange

MOST_OPEN = 2_000
"""Open alerts that are looked at, worst first: with more of them it is the rules that need a look."""

MOST_RESOLVED = 1_000
MOST_LABELS = 20


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: "mine" is what they own or acknowledged."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """The alerts of one project that pass the choice's filters, by tab; and each one's mute.

    Open ones are worst first, then newest; resolved ones by their end.
    """

    by_tab: Mapping[Tab, Sequence[Alert]]
    mutes: Mapping[object, Mute]
    resolved_count: int
    is_cut: bool

    def count_text(self, tab: Tab) -> str:
        if tab != "resolved":
            return f"{len(self.by_tab[tab]):,}{'+' if self.is_cut else ''}"
        return f"{MOST_RESOLVED:,}+" if self.resolved_count > MOST_RESOLVED else f"{self.resolved_count:,}"


@dataclass(frozen=True, slots=True)
class Row:
    """One alert as the list shows it."""

    alert: Alert
    url: str
    icon: str
    labels: Sequence[tuple[str, str]]
    number: str
    comparison: str
    since: datetime
    lasted: str
    owner: str
    mute: Mute | None

    @property
    def can_acknowledge(self) -> bool:
        return self.alert.status == Status.FIRING

    @property
    def state_colour(self) -> str:
        """Colour is for what is going on; how bad it was is only a word."""
        return "quiet" if self.alert.status == Status.RESOLVED else self.alert.severity

    @property
    def name(self) -> str:
        """What tells it from others, for those who can't see the row."""
        return " ".join([self.alert.rule_name, *(f"{name}={value}" for name, value in self.labels)])


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading; "" is the only group of a list that isn't grouped."""

    name: str
    rows: Sequence[Row]


def find(project: Project, choice: Choice, reader: Reader, time_range: TimeRange, now: datetime) -> Found:
    """Open alerts, and resolved ones of the time range: objects where the tab shows them, else their number."""
    is_theirs = Q(assigned_to=reader.id) | Q(acknowledged_by=reader.name) if choice.is_mine else Q()
    chosen = Alert.objects.filter(is_theirs, project=project)
    if choice.severity:
        chosen = chosen.filter(severity=choice.severity)
    opened = list(worst_first(chosen.filter(status__in=OPEN_STATUSES))[: MOST_OPEN + 1])
    muting = ActiveMutes(now).of(project)
    by_tab: dict[Tab, list[Alert]] = {tab: [] for tab in TABS}
    mutes: dict[object, Mute] = {}
    for alert in opened[:MOST_OPEN]:
        if is_found(choice.words, alert.rule_name, alert.labels):
            if mute := muting.mute_of(alert):
                mutes[alert.pk] = mute
            tab = tab_of(alert.status, is_muted=mute is not None)
            by_tab[tab].append(alert)
            if tab != "pending":
                by_tab["open"].append(alert)
    ended = _ended(chosen, time_range)
    if choice.tab == "resolved":
        by_tab["resolved"] = _searched(ended[: MOST_RESOLVED + 1], choice.words)
        resolved_count = len(by_tab["resolved"])
    else:
        columns = ended.values_list("rule_name", "labels")[: MOST_RESOLVED + 1]
        resolved_count = sum(is_found(choice.words, *row) for row in columns)
    return Found(by_tab, mutes, resolved_count, is_cut=len(opened) > MOST_OPEN)


def _ended(alerts: QuerySet[Alert], time_range: TimeRange) -> QuerySet[Alert]:
    ended = alerts.filter(
        status=Status.RESOLVED, resolved_at__gte=time_range.start, resolved_at__lt=time_range.end
    )
    return ended.order_by("-resolved_at", "-id")


def _searched(alerts: Iterable[Alert], words: list[str]) -> list[Alert]:
    return [alert for alert in alerts if is_found(words, alert.rule_name, alert.labels)]


def rows_of(alerts: Sequence[Alert], mutes: Mapping[object, Mute], now: datetime) -> list[Row]:
    """Three queries: of the many alerts that are looked at, rules and owners of those shown are loaded alone."""
    prefetch_related_objects(alerts, "rule", "assigned_to")
    units = units_of_alerts(alerts)
    return [_row(alert, unit, mutes.get(alert.pk), now) for alert, unit in zip(alerts, units, strict=True)]


def _row(alert: Alert, unit: str, mute: Mute | None, now: datetime) -> Row:
    return Row(
        alert=alert,
        url=reverse("admin:alerting_alert_change", args=[alert.pk]),
        icon=SEVERITY_ICONS.get(alert.severity, "help"),
        labels=[(name, str(value)) for name, value in sorted(alert.labels.items())],
        number=number_text(alert, unit),
        comparison=comparison(alert, unit),
        since=alert.triggered_at or alert.pending_since,
        lasted=lasted(alert, now),
        owner=alert.assigned_to.get_username() if alert.assigned_to else "",
        mute=mute,
    )


def grouped(rows: Sequence[Row], group_by: str) -> list[Group]:
    """In the order of each group's first row; those without the label come last."""
    if not group_by:
        return [Group("", rows)]
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(_group_of(row, group_by), []).append(row)
    without = by_name.pop("", None)
    groups = [Group(name, members) for name, members in by_name.items()]
    return [*groups, Group(f"without {group_by}", without)] if without else groups


def _group_of(row: Row, group_by: str) -> str:
    if group_by == BY_RULE:
        return row.alert.rule_name
    if group_by == BY_SEVERITY:
        return row.alert.severity
    return next((f"{name}={value}" for name, value in row.labels if name == group_by and value), "")


def label_names(alerts: Iterable[Alert]) -> list[str]:
    """What one can group these alerts by, most frequent first."""
    counted = Counter(name for alert in alerts for name in alert.labels)
    return [name for name, _ in counted.most_common(MOST_LABELS)]

"""What the page "Why" shows: the chain of one alert, each part with its links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from alerting.admin.notifications import status_mark
from alerting.display.badges import badge, severity_badge, status_badge
from alerting.models import Alert, Purpose, TransitionKind
from alerting.rule_types.conditions import describe_window
from alerting.why.answers import AttemptAnswer, Chain, MessageAnswer, PlaceAnswer, StepAnswer
from alerting.why.chain import chain_of, sentence
from alerting.why.words import change_words, labels_words, value_words
from projects import figures

OUTCOME_MARKS = {
    "told": ("good", "check_circle", "told"),
    "muted": ("quiet", "notifications_off", "muted"),
    "waiting": ("warning", "schedule", "waiting"),
    "failed": ("bad", "error", "not told"),
    "nobody": ("quiet", "person_off", "nobody told"),
}


@dataclass(frozen=True, slots=True)
class Record:
    """One raw record: when, what (with its page), and what it says."""

    at: datetime
    what: str
    url: str
    says: str


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the alert with what the rule tick saw; without evidence it was a person's."""

    at: datetime
    words: str
    reason: str
    actor: str
    by_person: bool
    facts: Sequence[tuple[str, str]] = ()
    records: Sequence[Record] = ()
    members: Sequence[Mapping[str, Any]] = ()
    note: str = ""
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Try:
    at: datetime
    mark: SafeString
    took: str
    error: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message to a place; `reason_url` leads to what muted it."""

    id: int
    about: str
    mark: SafeString
    at: datetime
    reason: str
    reason_url: str
    policy: Mapping[str, str] | None
    waits_until: datetime | None
    attempts: Sequence[Try]


@dataclass(frozen=True, slots=True)
class Place:
    name: str
    url: str
    mark: SafeString
    reason: str
    messages: Sequence[Message] = field(default_factory=list)


def why_page(alert: Alert, now: datetime) -> dict[str, Any]:
    """What the template shows; `alert` has its rule and project loaded."""
    chain = chain_of(alert, now)
    return {
        "alert": alert,
        "severity_mark": severity_badge(alert.severity),
        "status_mark": status_badge(alert.status),
        "labels": sorted(alert.labels.items()),
        "verdict": chain["verdict"]["text"],
        "verdict_mark": badge(*OUTCOME_MARKS[chain["verdict"]["outcome"]]),
        "note": chain["note"],
        "rule": chain["rule"],
        "condition_now": _condition_now(alert, chain),
        "steps": [_step(one, alert) for one in chain["steps"]],
        "places": [_place(one) for one in chain["places"]],
    }


def _condition_now(alert: Alert, chain: Chain) -> str:
    """The rule's condition of today, where it is another one."""
    rule = alert.rule
    if chain["rule"]["is_as_now"]:
        return ""
    return sentence(rule.rule_type, rule.source_type, rule.condition_config)


def _step(step: StepAnswer, alert: Alert) -> Step:
    evidence = step["evidence"] or {}
    samples = evidence.get("samples") or {}
    is_assignment = step["kind"] == TransitionKind.ASSIGN
    return Step(
        at=datetime.fromisoformat(step["at"]),
        words=change_words(step["kind"], step["to_status"], step["reason"]),
        reason="" if is_assignment else step["reason"],
        actor=step["actor"],
        by_person=step["by_person"],
        facts=_facts(evidence),
        records=[_record(one, alert) for one in samples.get("records", ())],
        members=samples.get("members", ()),
        note=samples.get("note", ""),
        is_cut=samples.get("is_cut", False),
    )


def _facts(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the tick compared, then the settings that were not at their default."""
    if not evidence:
        return []
    value, unit = evidence["value"], evidence.get("unit", "")
    facts = [("Value", "no data" if value is None else value_words(float(value), unit))]
    facts.append(("Fires", f"{evidence['operator']} {value_words(evidence['threshold'], unit)}"))
    facts += [
        (label, value_words(evidence[name], unit))
        for label, name in (("Critical past", "critical_threshold"), ("Recovers at", "recovery_threshold"))
        if evidence.get(name) is not None
    ]
    facts += [
        (label, describe_window(evidence[name] / 60))
        for label, name in (("Holds for", "for_seconds"), ("Keeps firing", "keep_firing_for_seconds"))
        if evidence.get(name)
    ]
    minutes = evidence["condition"].get("time_window_minutes")
    end = timezone.localtime(datetime.fromisoformat(evidence["window_end"]))
    before = f"{describe_window(minutes)} before " if minutes else "up to "
    return [*facts, ("Window", f"{before}{end:%Y-%m-%d %H:%M:%S}")]


def _record(record: Mapping[str, Any], alert: Alert) -> Record:
    """Which kind it is shows in the keys it has."""
    at, query = datetime.fromisoformat(record["at"]), f"?{urlencode({'project': alert.project_id})}"
    if "span_id" in record:
        url = reverse("explore_trace", args=[record["trace_id"]]) + query
        says = f"{figures.duration(record['duration_ms'])}, {record['status']}"
        return Record(at, f"{record['service_name']} {record['operation_name']}", url, says)
    if "event_name" in record:
        url = reverse("admin:events_event_change", args=[record["id"]]) + query
        says = ", ".join(filter(None, [record["event_type"], record.get("user_id")]))
        return Record(at, record["event_name"], url, says)
    what = labels_words(record["labels"]) or record["metric"]
    model, pk = (
        ("metrics_metricseries", record["series_id"])
        if "series_id" in record
        else ("metrics_businessmetric", record["id"])
    )
    return Record(at, what, reverse(f"admin:{model}_change", args=[pk]) + query, value_words(record["value"]))


def _place(place: PlaceAnswer) -> Place:
    return Place(
        name=place["name"],
        url=place["url"],
        mark=badge(*OUTCOME_MARKS[place["outcome"]]),
        reason=place["reason"],
        messages=[_message(one) for one in place["messages"]],
    )


def _message(message: MessageAnswer) -> Message:
    muted_by, waits_until = message["muted_by"], message["next_attempt_at"]
    return Message(
        id=message["id"],
        about=str(Purpose(message["purpose"]).label),
        mark=status_mark(message["status"]),
        at=datetime.fromisoformat(message["sent_at"] or message["created_at"]),
        reason="; ".join(filter(None, [message["reason"], message["error"]])),
        reason_url=muted_by["url"] if muted_by else "",
        policy={"name": message["policy"]["name"], "url": message["policy"]["url"]}
        if message["policy"]
        else None,
        waits_until=datetime.fromisoformat(waits_until) if waits_until else None,
        attempts=[_try(one) for one in message["attempts"]],
    )


def _try(attempt: AttemptAnswer) -> Try:
    return Try(
        datetime.fromisoformat(attempt["at"]),
        status_mark(attempt["status"]),
        figures.duration(attempt["latency_ms"]),
        attempt["error"],
    )

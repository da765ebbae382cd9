"""The chain of one alert as plain data, as the API answers it and the page shows it. Times are RFC 3339."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Outcome = Literal["told", "muted", "waiting", "failed", "nobody"]
"""What one place, or an alert as a whole, came to. "nobody" is the alert's alone: there was no place to tell."""


class AlertAnswer(TypedDict):
    id: str
    rule_name: str
    status: str
    severity: str
    labels: dict[str, str]
    value: float | None
    threshold: float
    is_flapping: bool


class RuleAnswer(TypedDict):
    """The rule as it was at the alert's first change; `is_as_now`: its condition has not changed since."""

    id: int
    name: str
    rule_type: str
    source_type: str
    condition: dict[str, Any]
    sentence: str
    is_as_now: bool


class StepAnswer(TypedDict):
    """One change of the alert. `evidence` is what the rule tick saw, samples included; null for what people did."""

    at: str
    kind: str
    from_status: str
    to_status: str
    actor: str
    by_person: bool
    reason: str
    evidence: dict[str, Any] | None


class AttemptAnswer(TypedDict):
    at: str
    status: str
    latency_ms: float
    error: str


class MutedBy(TypedDict):
    """What kept a message back, by name; `url` is its page, empty where it has none."""

    kind: str
    name: str
    url: str


class PolicyAnswer(TypedDict):
    name: str
    url: str


class MessageAnswer(TypedDict):
    """One message to one place: why it was sent, or why not, and each try."""

    id: int
    purpose: str
    status: str
    reason: str
    error: str
    created_at: str
    sent_at: str | None
    next_attempt_at: str | None
    latency_ms: float | None
    policy: PolicyAnswer | None
    muted_by: MutedBy | None
    attempts: list[AttemptAnswer]


class PlaceAnswer(TypedDict):
    """All messages to one channel or address, and what telling it of the firing came to."""

    name: str
    channel: str | None
    recipient: str
    url: str
    outcome: Outcome
    reason: str
    messages: list[MessageAnswer]


class Verdict(TypedDict):
    outcome: Outcome
    text: str


class Chain(TypedDict):
    """From the samples that led to an alert to every message about it and everything people did.

    `note` says what is left out; empty where nothing is.
    """

    alert: AlertAnswer
    rule: RuleAnswer
    verdict: Verdict
    note: str
    steps: list[StepAnswer]
    places: list[PlaceAnswer]
    actions: list[StepAnswer]

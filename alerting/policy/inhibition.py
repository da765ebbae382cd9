"""One message for the root cause: alerts that stay quiet while another fires.

As Alertmanager: the labels named as equal must agree (one that both lack agrees), a muted source still inhibits, and
an alert that matches both sides can't be inhibited by another that does, so that two never mute each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from alerting.policy.matchers import Facts, stored_match


@dataclass(frozen=True, slots=True)
class Rule:
    """An inhibition rule as stored."""

    id: int
    name: str
    source_matchers: Sequence[str]
    target_matchers: Sequence[str]
    equal_labels: Sequence[str]


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """A firing or acknowledged alert, as a possible source."""

    id: UUID
    facts: Facts


@dataclass(frozen=True, slots=True)
class Inhibitor:
    """Which rule mutes an alert, and which alert is the reason."""

    rule: Rule
    source: OpenAlert


@dataclass(slots=True)
class Inhibition:
    """The rules of a project over its open alerts; sources are found by their equal labels.

    `load` reads all open alerts, which costs: it is called where an alert matches a rule's target, and kept.
    """

    rules: Sequence[Rule]
    load: Callable[[], Sequence[OpenAlert]]
    _known: dict[UUID, OpenAlert] | None = None
    _sources: dict[int, dict[tuple[str, ...], list[OpenAlert]]] = field(default_factory=dict)

    def expect(self, alert_id: UUID) -> None:
        """Forget the open alerts where this one isn't among them: it came later, and so may its source have."""
        if self._known is not None and alert_id not in self._known:
            self._known = None
            self._sources.clear()

    def inhibitor_of(self, target: OpenAlert) -> Inhibitor | None:
        """The first by rule."""
        for rule in self.rules:
            if not stored_match(rule.target_matchers, target.facts):
                continue
            is_source_too = stored_match(rule.source_matchers, target.facts)
            for source in self._sources_of(rule).get(_equal(rule, target.facts), ()):
                if source.id == target.id:
                    continue
                if not (is_source_too and stored_match(rule.target_matchers, source.facts)):
                    return Inhibitor(rule, source)
        return None

    def _sources_of(self, rule: Rule) -> dict[tuple[str, ...], list[OpenAlert]]:
        if rule.id not in self._sources:
            found: dict[tuple[str, ...], list[OpenAlert]] = defaultdict(list)
            if self._known is None:
                self._known = {alert.id: alert for alert in self.load()}
            for alert in self._known.values():
                if stored_match(rule.source_matchers, alert.facts):
                    found[_equal(rule, alert.facts)].append(alert)
            self._sources[rule.id] = found
        return self._sources[rule.id]


def _equal(rule: Rule, facts: Facts) -> tuple[str, ...]:
    return tuple(facts.get(name, "") for name in rule.equal_labels)

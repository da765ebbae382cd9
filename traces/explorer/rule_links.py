"""Links to the form of a new rule, filled in with what a page of traces shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import ROUND_UP, Decimal

from django.urls import reverse

from projects.pages.scope import Scope
from traces.service_state import FAILING_RATIO

LONGEST_NAME = 200
"""Of a rule."""
HIGHEST_ERROR_RATIO = 0.5
"""Where everything fails now, a rule that waits for more than that would never fire."""


def may_add_rules(scope: Scope) -> bool:
    return bool(scope.request.user.has_perm("alerting.add_rule"))


def duration_rule_url(scope: Scope, durations_ms: Iterable[float | None], filters: Mapping[str, str]) -> str:
    """A rule on the p95 of spans with these filters that the durations shown don't break; "" where none may be made."""
    highest = max((one for one in durations_ms if one is not None), default=0.0)
    watched = {"metric": "duration_ms", "aggregation": "p95"}
    return _rule_url(scope, "p95 duration", watched, rounded_up(highest), filters)


def error_rule_url(scope: Scope, ratios: Iterable[float | None], filters: Mapping[str, str]) -> str:
    """A rule on the share of errors, at least the share that pages call failing; "" where none may be made."""
    highest = max((one for one in ratios if one is not None), default=0.0)
    threshold = min(max(rounded_up(highest), FAILING_RATIO), HIGHEST_ERROR_RATIO)
    return _rule_url(scope, "Errors", {"metric": "error_ratio"}, threshold, filters)


def rounded_up(value: float) -> float:
    """To two digits that count: 1930 is 2000, 0.0512 is 0.052; 0 where there is nothing to round."""
    if not (value > 0 and math.isfinite(value)):
        return 0.0
    # The digits that people read, not those of the double.
    exact = Decimal(str(value))
    return float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - 1), ROUND_UP))


def _rule_url(
    scope: Scope, what: str, watched: Mapping[str, str], threshold: float, filters: Mapping[str, str]
) -> str:
    """With a name, so that the form can be saved as it is."""
    if not may_add_rules(scope):
        return ""
    given = {
        "rule_type": "metric_threshold",
        "source_type": "trace",
        "threshold": f"{threshold:g}" if threshold else "",
        **watched,
        **filters,
        "name": f"{what} of {' '.join(filters.values()) or 'all spans'}"[:LONGEST_NAME],
    }
    return scope.url(reverse("admin:alerting_rule_add"), **given)

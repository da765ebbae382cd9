"""Taking the rules that are due, so that no other process evaluates them at the same time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection

from alerting.bounds import bounded_transaction
from alerting.state import CLOCK_SLACK, NoDataPolicy
from storage.rollups.windows import EPOCH

CLAIM_LIMIT = 20_000
"""Rules per tick: a bound on memory, far above what one tick can be asked for."""

TOO_SLOW = "The query took too long: take a shorter window."
"""What an unhealthy rule says whose query ran out of time."""


def microseconds_sql(time: str) -> str:
    """SQL for a time as whole microseconds since 1970; null stays null.

    Counted in doubles, exact until 2106: `extract` would take three times as long for its decimal digits.
    """
    return f"(date_part('epoch', {time}) * 1000000)::bigint"


# A slot further ahead than any rule's next one was set by a clock that was wrong.
_HEAL = """
    UPDATE alerting_rule SET next_evaluation_at = %(now)s
    WHERE enabled AND deleted_at IS NULL AND next_evaluation_at > %(now)s + %(slack)s
          AND next_evaluation_at > %(now)s + %(slack)s + make_interval(secs => evaluation_interval_seconds)
"""
# The next slot lies on the rule's own grid, after now. Slots that passed meanwhile are counted, never replayed.
_CLAIM = f"""
    WITH due AS (
        SELECT id,
               floor(date_part('epoch', %(now)s - next_evaluation_at) / evaluation_interval_seconds)::bigint AS missed
        FROM alerting_rule
        WHERE enabled AND deleted_at IS NULL AND next_evaluation_at <= %(now)s
        ORDER BY next_evaluation_at
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ), noted AS (
        INSERT INTO alerting_missedslots AS known (rule_id, hour, count)
        SELECT id, %(hour)s, missed FROM due WHERE missed > 0
        ON CONFLICT (hour, rule_id) DO UPDATE SET count = known.count + EXCLUDED.count
    )
    UPDATE alerting_rule AS r
    SET next_evaluation_at =
            r.next_evaluation_at + make_interval(secs => r.evaluation_interval_seconds * (due.missed + 1)),
        missed_evaluation_count = r.missed_evaluation_count + due.missed
    FROM due
    WHERE r.id = due.id
    RETURNING r.id, r.project_id, r.name, r.rule_type, r.source_type, r.condition_config::text, r.severity,
              r.recovery_threshold, r.for_seconds, r.keep_firing_for_seconds, r.no_data, r.on_error,
              r.evaluation_interval_seconds, r.evaluation_delay_seconds, r.flap_detection,
              r.last_error = %(too_slow)s, coalesce(r.coverage_changed_at >= r.last_evaluated_at, false),
              {microseconds_sql("r.last_evaluated_at")}, {microseconds_sql("r.condition_changed_at")}
"""


class ClaimedRule(msgspec.Struct, frozen=True, gc=False):
    """A rule as it was when it was claimed; an edit since then makes its evaluation void.

    `is_first_since_edit`: an edit after the last evaluation changed which label sets it has. `_us` are microseconds
    since 1970: as times they would take a tick over 10,000 rules a tenth of a second to read. What a tick makes for
    each rule is a struct without `gc`: msgspec makes one in a tenth of the time that a frozen dataclass takes, and
    the collector, a sixth of the tick before, doesn't walk through them.
    """

    id: int
    project_id: int
    name: str
    rule_type: str
    source_type: str
    condition_text: str
    severity: str
    recovery_threshold: float | None
    for_seconds: int
    keep_firing_for_seconds: int
    no_data: NoDataPolicy
    on_error: str
    evaluation_interval_seconds: int
    evaluation_delay_seconds: int
    flap_detection: bool
    was_too_slow: bool
    is_first_since_edit: bool
    last_evaluated_us: int | None
    condition_changed_us: int | None

    @property
    def last_evaluated_at(self) -> datetime | None:
        return (
            None if self.last_evaluated_us is None else EPOCH + timedelta(microseconds=self.last_evaluated_us)
        )


def claim_due(now: datetime, limit: int = CLAIM_LIMIT) -> list[ClaimedRule]:
    """Claim the rules that are due, in a transaction of its own: a claim outlives its process until the next slot."""
    with bounded_transaction(), connection.cursor() as cursor:
        healing: dict[str, Any] = {"now": now, "slack": CLOCK_SLACK}
        cursor.execute(_HEAL, healing)
        hour = now.replace(minute=0, second=0, microsecond=0)
        cursor.execute(_CLAIM, {"now": now, "hour": hour, "limit": limit, "too_slow": TOO_SLOW})
        return [ClaimedRule(*row) for row in sorted(cursor.fetchall())]

"""What of the inbox is asked for: read from the URL, pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from alerting.models import Severity, Status
from projects.pages.page import Problem

Tab = Literal["firing", "acknowledged", "silenced", "open", "pending", "resolved"]
TABS: tuple[Tab, ...] = get_args(Tab)
"""`open` has those of the three before it together: what the overview counts."""

ROWS_AT_ONCE = 200
MOST_ROWS = 1_000
"""More rows than this nobody reads, and a browser takes long to compare them at each refresh."""

BY_RULE, BY_SEVERITY = "rule", "severity"
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """`group_by` is "rule", "severity" or the name of a label; "" doesn't group. `words` must all be found."""

    tab: Tab = "firing"
    group_by: str = ""
    severity: str = ""
    search: str = ""
    is_mine: bool = False
    row_count: int = ROWS_AT_ONCE

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Self:
        """Raises Problem."""
        tab = next((one for one in TABS if one == parameters.get("state", "firing")), None)
        if tab is None:
            raise Problem(f"There is no state {parameters['state'][:40]!r}: it is one of {', '.join(TABS)}.")
        severity = parameters.get("severity", "")
        if severity and severity not in Severity.values:
            known = ", ".join(Severity.values)
            raise Problem(f"There is no severity {severity[:40]!r}: it is one of {known}.")
        rows = parameters.get("rows", "")
        count = int(rows) if rows.isascii() and rows.isdigit() and len(rows) < 6 else ROWS_AT_ONCE
        return cls(
            tab=tab,
            group_by=parameters.get("group_by", "")[:MAX_TEXT],
            severity=severity,
            search=parameters.get("q", "")[:MAX_TEXT],
            is_mine=parameters.get("mine", "") == "1",
            row_count=min(max(count, 1), MOST_ROWS),
        )

    @property
    def words(self) -> list[str]:
        return self.search.casefold().split()

    @property
    def is_filtered(self) -> bool:
        return bool(self.severity or self.search or self.is_mine)


def tab_of(status: str, *, is_muted: bool) -> Tab:
    """A pending alert tells nobody anyway; of the others those that are kept quiet stand apart."""
    match status:
        case Status.PENDING:
            return "pending"
        case Status.RESOLVED:
            return "resolved"
        case _ if is_muted:
            return "silenced"
        case Status.ACKNOWLEDGED:
            return "acknowledged"
        case _:
            return "firing"


def is_found(words: list[str], rule_name: str, labels: Mapping[str, Any]) -> bool:
    """Whether each word is part of the rule's name or of a label written as `name=value`."""
    if not words:
        return True
    text = "\n".join([rule_name, *(f"{name}={value}" for name, value in labels.items())]).casefold()
    return all(word in text for word in words)

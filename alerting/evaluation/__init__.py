"""One tick: claim the due rules, measure them in groups, advance their alerts, write what changed."""

from __future__ import annotations

from alerting.evaluation.tick import Tick, evaluate_due

__all__ = ["Tick", "evaluate_due"]

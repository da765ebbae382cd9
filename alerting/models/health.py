"""How the machinery of alerting itself is doing."""

from __future__ import annotations

from django.db import models

from alerting.models.rules import Rule


class Pulse(models.Model):
    """The last sign of life of one part: the rule tick, the delivery, the heartbeat to the outside."""

    name = models.CharField(max_length=20, primary_key=True)
    last_at = models.DateTimeField(null=True)
    duration_ms = models.FloatField(null=True)
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name


class MissedSlots(models.Model):
    """How many evaluations a rule missed within one hour. Kept for a day; the rule itself counts all of them."""

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="+", db_index=False)
    hour = models.DateTimeField()
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hour", "rule"], name="missed_slots_once")]

    def __str__(self) -> str:
        return f"{self.count} of rule {self.rule_id} from {self.hour}"

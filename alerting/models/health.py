"""How the machinery of alerting itself is doing."""

from __future__ import annotations

from django.db import models


class Pulse(models.Model):
    """The last sign of life of one part: the rule tick, the delivery, the heartbeat to the outside."""

    name = models.CharField(max_length=20, primary_key=True)
    last_at = models.DateTimeField(null=True)
    duration_ms = models.FloatField(null=True)
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name

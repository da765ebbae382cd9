"""Rows the roof keeps for itself."""

from __future__ import annotations

from django.db import models


class Lease(models.Model):
    """Which process may do something that only one may do; it has to renew the row before it runs out.

    A row and not an advisory lock: session locks don't survive PgBouncer in transaction mode.
    """

    name = models.CharField(max_length=50, primary_key=True)
    holder = models.CharField(max_length=200)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder} until {self.expires_at:%H:%M:%S}"


class PurgeRun(models.Model):
    """One run of the purge, for the page that shows it; without `ended_at` it is running or was killed."""

    started_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)
    done = models.JSONField(default=list)
    failed = models.JSONField(default=list)
    left_count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"purge of {self.started_at:%Y-%m-%d %H:%M:%S}"

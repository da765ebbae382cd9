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

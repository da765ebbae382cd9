"""What arrived in the last day, by key, format, path and minute: the answer to "where is my event?"."""

from __future__ import annotations

from django.db import models


class _OfSource(models.Model):
    """Numbers without foreign keys: project and key are 0 for requests that brought no known key."""

    project_id = models.BigIntegerField()
    key_id = models.BigIntegerField()
    format_name = models.CharField(max_length=40)
    path = models.CharField(max_length=100)
    minute = models.DateTimeField(db_index=True)
    last_seen_at = models.DateTimeField()

    class Meta:
        abstract = True


class SourceMinute(_OfSource):
    """One minute of one source. Bytes are those sent, before decompression."""

    request_count = models.BigIntegerField()
    refused_count = models.BigIntegerField()
    record_count = models.BigIntegerField()
    duplicate_count = models.BigIntegerField()
    rejected_count = models.BigIntegerField()
    byte_count = models.BigIntegerField()

    class Meta:
        verbose_name = "source"
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                name="source_minute", fields=["project_id", "key_id", "format_name", "path", "minute"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.format_name} by key {self.key_id} at {self.minute:%H:%M}"


class SourceProblem(_OfSource):
    """One reason why records (status 0) or whole requests (their HTTP status) of a source were not stored."""

    status = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=60)
    field = models.CharField(max_length=100)
    count = models.BigIntegerField()
    message = models.CharField(max_length=300)
    sample = models.CharField(max_length=500)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                name="source_problem",
                fields=[
                    "project_id", "key_id", "format_name", "path", "minute", "status", "code", "field",
                ],
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.code} of {self.format_name} by key {self.key_id} at {self.minute:%H:%M}"

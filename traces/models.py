"""Spans. The table is made by `storage.operations`; its physical key is in `traces.records`."""

from __future__ import annotations

from django.db import models

from projects.models import Project


class SpanKind(models.TextChoices):
    INTERNAL = "internal", "Internal"
    SERVER = "server", "Server"
    CLIENT = "client", "Client"
    PRODUCER = "producer", "Producer"
    CONSUMER = "consumer", "Consumer"


class SpanStatus(models.TextChoices):
    UNSET = "unset", "Unset"
    OK = "ok", "OK"
    ERROR = "error", "Error"


class Span(models.Model):
    """One operation of a trace. `span_id` is unique only together with project, start and trace."""

    span_id = models.TextField("span id", primary_key=True)
    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    start_time = models.DateTimeField("start")
    trace_id = models.TextField("trace id")
    parent_span_id = models.TextField("parent span id", null=True)
    service_name = models.TextField("service")
    operation_name = models.TextField("operation")
    kind = models.TextField(choices=SpanKind.choices)
    status = models.TextField(choices=SpanStatus.choices)
    duration_ms = models.FloatField("duration")
    http_method = models.TextField("HTTP method", null=True)
    http_url = models.TextField("HTTP URL", null=True)
    http_status_code = models.IntegerField("HTTP status", null=True)
    user_id = models.TextField("user", null=True)
    tags = models.JSONField()
    events = models.JSONField()
    links = models.JSONField()
    received_at = models.DateTimeField()

    class Meta:
        db_table = "traces"

    def __str__(self) -> str:
        return f"{self.service_name} {self.operation_name}"

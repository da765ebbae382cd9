"""Metric series, their points, and business metrics. The point table is made by `storage.operations`."""

from __future__ import annotations

import uuid

from django.db import models

from metrics.increments import CUMULATIVE, DELTA
from projects.models import Project


class MetricType(models.TextChoices):
    COUNTER = "counter", "Counter"
    GAUGE = "gauge", "Gauge"
    HISTOGRAM = "histogram", "Histogram"
    TIMER = "timer", "Timer"


class Temporality(models.IntegerChoices):
    """What a point holds, numbered as OTLP does."""

    DELTA = DELTA, "Delta"
    CUMULATIVE = CUMULATIVE, "Cumulative"


class MetricSeries(models.Model):
    """One name with one set of labels. `id` is computed from them (`metrics.series`), never counted up."""

    id = models.BigIntegerField(primary_key=True)
    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    name = models.TextField()
    metric_type = models.TextField("type", choices=MetricType.choices)
    unit = models.TextField()
    labels = models.JSONField()
    service_name = models.TextField("service", null=True)
    host_name = models.TextField("host", null=True)
    instance_id = models.TextField("instance", null=True)
    fingerprint = models.UUIDField(help_text="Tells a true repetition from two series with the same id.")
    created_at = models.DateTimeField("first seen")

    description = ""
    """Of its metric; not a column, see `queries.describe`."""

    class Meta:
        db_table = "metric_series"
        verbose_name = "metric series"
        verbose_name_plural = "metric series"
        indexes = [
            models.Index(fields=["project", "name"], name="metric_series_by_name"),
            models.Index(fields=["project", "created_at", "id"], name="metric_series_newest"),
        ]

    def __str__(self) -> str:
        return self.name


class MetricPoint(models.Model):
    """A value of a series at a time; of a distribution the value is its mean."""

    pk = models.CompositePrimaryKey("series_id", "timestamp")
    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    series = models.ForeignKey(
        MetricSeries, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="points"
    )
    timestamp = models.DateTimeField()
    value = models.FloatField(null=True)
    count = models.BigIntegerField(null=True)
    sum = models.FloatField(null=True)
    min = models.FloatField(null=True)
    max = models.FloatField(null=True)
    buckets = models.JSONField(null=True, help_text="Log buckets as in `metrics.distribution`.")
    percentile_50 = models.FloatField(null=True)
    percentile_90 = models.FloatField(null=True)
    percentile_95 = models.FloatField(null=True)
    percentile_99 = models.FloatField(null=True)
    stale = models.BooleanField(db_default=False, help_text="The series ended here.")
    temporality = models.SmallIntegerField(null=True, choices=Temporality.choices)
    start_time = models.DateTimeField(null=True, help_text="Since when a cumulative point counts.")
    histogram = models.JSONField(null=True, help_text="Buckets or quantiles as they were sent.")
    received_at = models.DateTimeField()

    class Meta:
        db_table = "metric_points"

    def __str__(self) -> str:
        return f"{self.value} at {self.timestamp:%Y-%m-%d %H:%M:%S}"


class MetricExemplar(models.Model):
    """One measurement of a series with the trace it was taken in; empty ids where there was none."""

    pk = models.CompositePrimaryKey("series_id", "timestamp", "trace_id", "span_id", "value")
    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    series = models.ForeignKey(
        MetricSeries,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="exemplars",
    )
    timestamp = models.DateTimeField()
    value = models.FloatField()
    trace_id = models.TextField()
    span_id = models.TextField()
    attributes = models.JSONField()
    received_at = models.DateTimeField()

    class Meta:
        db_table = "metric_exemplars"

    def __str__(self) -> str:
        return f"{self.value} in {self.trace_id}"


class MetricMetadata(models.Model):
    """What a metric is, as its sender describes it."""

    pk = models.CompositePrimaryKey("project_id", "metric_name")
    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    metric_name = models.TextField("name")
    metric_type = models.TextField("type")
    metric_unit = models.TextField("unit")
    description = models.TextField()
    revision = models.IntegerField(db_default=1, help_text="Counts how often other words came in.")
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "metric_metadata"
        verbose_name = "metric metadata"
        verbose_name_plural = "metric metadata"

    def __str__(self) -> str:
        return self.metric_name


class BusinessMetric(models.Model):
    """A number over a period. `identity` is the hash of all that makes two of them the same one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    identity = models.UUIDField()
    metric_name = models.TextField("name")
    metric_category = models.TextField("category", db_default="")
    metric_value = models.FloatField("value")
    metric_unit = models.TextField("unit", db_default="")
    currency = models.TextField(db_default="")
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    period_type = models.TextField(db_default="")
    calculation_method = models.TextField(db_default="")
    tenant_id = models.TextField("tenant", db_default="")
    dimensions = models.JSONField()
    revision = models.IntegerField(db_default=1, help_text="Counts how often another value came in.")
    received_at = models.DateTimeField()

    class Meta:
        db_table = "business_metrics"
        constraints = [
            models.UniqueConstraint(fields=["project", "identity"], name="business_metrics_identity")
        ]
        indexes = [
            models.Index(fields=["project", "period_end", "id"], name="business_metrics_newest"),
        ]

    def __str__(self) -> str:
        return self.metric_name

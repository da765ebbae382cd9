"""Experiments, and what they are judged by; see `analytics.experiments`."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from projects.models import Project


class MetricKind(models.TextChoices):
    CONVERSION = "conversion", "Share of people who do it"
    TOTAL = "total", "Total per person, 0 for who has none"
    AVERAGE = "average", "Average per person, of those who have one"


class Better(models.TextChoices):
    HIGHER = "higher", "Higher is better"
    LOWER = "lower", "Lower is better"


class Experiment(models.Model):
    """Variants of something, shared out among the people of a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    slug = models.SlugField(max_length=60, help_text="Names the experiment in the API.")
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True, help_text="What is tried, and what is expected of it.")
    exposure = models.JSONField(help_text="Which events say that somebody was shown a variant.")
    variant_column = models.CharField(
        max_length=200,
        default="properties.variant",
        help_text="Where such an event names the variant, such as properties.variant or tags.variant.",
    )
    control = models.CharField(
        max_length=200, default="control", help_text="The variant that the others are compared with."
    )
    shares = models.JSONField(
        default=dict,
        blank=True,
        help_text="Which share of the people each variant is to get; empty: all that are seen, equally.",
    )
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(
        null=True, blank=True, help_text="Nobody takes part from then on; empty while it runs."
    )
    planned_people = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(2)],
        help_text="In all variants together, as a sample size calculation before the start says.",
    )
    minimum_days = models.PositiveSmallIntegerField(
        default=7, help_text="Whole weeks, since people are different on Sundays."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    measure_at = models.DateTimeField(null=True, editable=False, db_index=True)
    """When the next metric points are due; None: at once."""
    problem = models.TextField(blank=True, editable=False, default="")
    """Why the last points could not be made, in plain words."""

    class Meta:
        ordering = ["-starts_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="experiment_slug_is_unique")]

    def __str__(self) -> str:
        return self.name


class ExperimentMetric(models.Model):
    """What people do after they were exposed, and which way it should go. The first one decides."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="metrics")
    position = models.PositiveSmallIntegerField(default=0)
    key = models.SlugField(max_length=40, help_text="Names the metric in the API.")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=MetricKind.choices, default=MetricKind.CONVERSION)
    matcher = models.JSONField(help_text='Which events count, such as {"event_name": "order_paid"}.')
    column = models.CharField(
        max_length=200,
        blank=True,
        help_text="Of totals and averages: where the event has its number, such as properties.amount; "
        "empty for a total counts events.",
    )
    window_minutes = models.FloatField(
        null=True, blank=True, help_text="Counted so long after the exposure; empty until the end."
    )
    better = models.CharField(max_length=6, choices=Better.choices, default=Better.HIGHER)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "key"], name="experiment_metric_key_is_unique")
        ]

    def __str__(self) -> str:
        return self.name

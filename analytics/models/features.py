"""What counts as using a feature; see `analytics.usage`."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from projects.models import Project

MAX_WINDOW_DAYS = 90


class Feature(models.Model):
    """Something that people of a project may use, by the events that say so."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)
    slug = models.SlugField(
        max_length=60,
        help_text="Names the feature in the API; the label of its metric feature_adoption_ratio.",
    )
    description = models.TextField(blank=True)
    matcher = models.JSONField(
        help_text='Which events are uses of it, such as {"event_name": "report_shared"}.'
    )
    window_days = models.PositiveSmallIntegerField(
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_WINDOW_DAYS)],
        help_text="The metric looks at so many days up to now.",
    )
    measure_at = models.DateTimeField(
        null=True, editable=False, db_index=True, help_text="When the metric is written next; null: now."
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="feature_slug_is_unique")]

    def __str__(self) -> str:
        return self.name

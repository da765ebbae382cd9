"""Funnels that people keep; see `analytics.funnels`."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from projects.models import Project

MAX_RECORDED_DAYS = 90


class SavedFunnel(models.Model):
    """A funnel's question under a name, without a time range; and whether its conversion becomes metric points."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60, help_text="Names the funnel in the API and in metrics.")
    description = models.TextField(blank=True)
    question = models.JSONField(help_text="As the API takes it, without start and end.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    is_recorded = models.BooleanField(
        "record conversion",
        default=False,
        help_text="Write its conversion as metric points, so that rules can watch it.",
    )
    recorded_days = models.PositiveSmallIntegerField(
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_RECORDED_DAYS)],
        help_text="Each point tells of so many days up to its time.",
    )
    record_at = models.DateTimeField(null=True, editable=False)
    """When the next points are due; None: at once."""
    problem = models.TextField(blank=True, editable=False)
    """Why the last points could not be made, in plain words."""

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "slug"], name="saved_funnel_slug_is_unique")
        ]
        indexes = [
            models.Index(
                fields=["record_at"], name="saved_funnels_to_record", condition=models.Q(is_recorded=True)
            )
        ]

    def __str__(self) -> str:
        return self.name

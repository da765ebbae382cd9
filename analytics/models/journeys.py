"""Journeys, and what is kept of them; see `analytics.journeys`."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models

from projects.models import Project


class Journey(models.Model):
    """A way with milestones that people of a project go."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    slug = models.SlugField(
        max_length=60,
        help_text="Names the journey in the API; its metrics begin with it: ttf_complete_minutes.",
    )
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    follow_minutes = models.PositiveIntegerField(
        default=1440,
        validators=[MinValueValidator(1)],
        help_text="Metrics count people on the way until so long after they began, so that alerts end.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="journey_slug_is_unique")]

    def __str__(self) -> str:
        return self.name


class Milestone(models.Model):
    """A place on a journey. The first one begins it, the last one completes it."""

    journey = models.ForeignKey(Journey, on_delete=models.CASCADE, related_name="milestones")
    position = models.PositiveSmallIntegerField()
    key = models.SlugField(max_length=40, help_text="Names the milestone in the API.")
    name = models.CharField(max_length=100)
    matcher = models.JSONField(help_text='Which events reach it, such as {"event_name": "user_signed_up"}.')
    target_minutes = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="From the milestone before; empty for none.",
    )
    weight = models.FloatField(
        default=1,
        validators=[MinValueValidator(0)],
        help_text="Its share of the efficiency score. That of the first milestone counts for nothing.",
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["journey", "key"], name="milestone_key_is_unique"),
        ]

    def __str__(self) -> str:
        return self.name


class JourneyState(models.Model):
    """What the upkeep remembers of a journey, beside it so that an edit never takes anything back."""

    journey = models.OneToOneField(
        Journey, on_delete=models.CASCADE, primary_key=True, related_name="state", db_constraint=False
    )
    definition = models.BigIntegerField(help_text="The matchers that the progress was made with, as a hash.")
    completion_total = models.BigIntegerField(default=0)
    """Of persons, each counted once, by whatever matchers: a counter, which no edit sets back."""
    fresh_completions = models.JSONField(default=dict)
    """Distributions of `minutes` and `scores` of completions that no metric point tells of yet; empty for none."""
    unsent_points = models.JSONField(null=True)
    """Points on their way to the writer, which takes the same ones twice as one."""
    measured_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"state of journey {self.journey_id}"


class JourneyProgress(models.Model):
    """When an id first reached each milestone, in what the upkeep has seen."""

    pk = models.CompositePrimaryKey("journey_id", "definition", "identifier")
    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    journey = models.ForeignKey(
        Journey, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    definition = models.BigIntegerField()
    identifier = models.TextField()
    reached_at = ArrayField(models.DateTimeField(null=True))

    class Meta:
        db_table = "journey_progress"
        indexes = [
            # Who has begun lately.
            models.Index(
                models.F("journey_id"),
                models.F("definition"),
                models.F("reached_at__0"),
                name="journey_progress_by_start",
            )
        ]

    def __str__(self) -> str:
        return self.identifier


class JourneyCompletion(models.Model):
    """An id of somebody whose completion is counted, by whatever matchers then: no edit has it counted again."""

    pk = models.CompositePrimaryKey("journey_id", "identifier")
    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    journey = models.ForeignKey(
        Journey, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    identifier = models.TextField()

    class Meta:
        db_table = "journey_completions"

    def __str__(self) -> str:
        return self.identifier


class JourneyChange(models.Model):
    """Events with `start_at <= time < end_at` of a project have to be looked at; see `analytics.journeys.changes`."""

    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    journey = models.ForeignKey(
        Journey, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    """None: for all journeys of the project."""
    start_at = models.DateTimeField()
    end_at = models.DateTimeField()

    class Meta:
        db_table = "journey_changes"
        indexes = [models.Index(fields=["project", "start_at"], name="journey_changes_by_time")]

    def __str__(self) -> str:
        return f"{self.start_at} to {self.end_at}"

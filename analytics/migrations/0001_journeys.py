from __future__ import annotations

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


def _key(to: str, *, null: bool = False) -> models.ForeignKey[object, object]:
    """A reference that nothing checks: rows come by the million, and their owners may be on another machine."""
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        null=null,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to=to,
    )


class Migration(migrations.Migration):
    """Journeys; see analytics/journeys."""

    initial = True
    dependencies = [("events", "0004_rollups"), ("projects", "0003_browser_keys")]

    operations = [
        migrations.CreateModel(
            name="Journey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "slug",
                    models.SlugField(
                        help_text="Names the journey in the API; its metrics begin with it: ttf_complete_minutes.",
                        max_length=60,
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("description", models.TextField(blank=True)),
                (
                    "follow_minutes",
                    models.PositiveIntegerField(
                        default=1440,
                        help_text="Who began longer ago is taken for gone: open_minutes doesn't count them, "
                        "so that alerts end.",
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(fields=["project", "slug"], name="journey_slug_is_unique")
                ],
            },
        ),
        migrations.CreateModel(
            name="Milestone",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("key", models.SlugField(help_text="Names the milestone in the API.", max_length=40)),
                ("name", models.CharField(max_length=100)),
                (
                    "matcher",
                    models.JSONField(
                        help_text='Which events reach it, such as {"event_name": "user_signed_up"}.'
                    ),
                ),
                (
                    "target_minutes",
                    models.FloatField(
                        blank=True,
                        help_text="From the milestone before; empty for none.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                (
                    "weight",
                    models.FloatField(
                        default=1,
                        help_text="Its share of the efficiency score. That of the first milestone counts for nothing.",
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                (
                    "journey",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="milestones",
                        to="analytics.journey",
                    ),
                ),
            ],
            options={
                "ordering": ["position", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=["journey", "key"], name="milestone_key_is_unique")
                ],
            },
        ),
        migrations.CreateModel(
            name="JourneyState",
            fields=[
                (
                    "journey",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="state",
                        serialize=False,
                        to="analytics.journey",
                    ),
                ),
                (
                    "definition",
                    models.BigIntegerField(
                        help_text="The matchers that the progress was made with, as a hash."
                    ),
                ),
                ("completion_total", models.BigIntegerField(default=0)),
                ("fresh_completions", models.JSONField(default=dict)),
                ("unsent_points", models.JSONField(null=True)),
                ("measured_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="JourneyProgress",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "journey_id",
                        "definition",
                        "identifier",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("definition", models.BigIntegerField()),
                ("identifier", models.TextField()),
                (
                    "reached_at",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DateTimeField(null=True), size=None
                    ),
                ),
                (
                    "counted_at",
                    models.DateTimeField(help_text="When the completion was counted.", null=True),
                ),
                ("journey", _key("analytics.journey")),
                ("project", _key("projects.project")),
            ],
            options={
                "db_table": "journey_progress",
                "indexes": [
                    models.Index(
                        models.F("journey_id"),
                        models.F("definition"),
                        models.F("reached_at__0"),
                        name="journey_progress_by_start",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="JourneyChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("start_at", models.DateTimeField()),
                ("end_at", models.DateTimeField()),
                ("journey", _key("analytics.journey", null=True)),
                ("project", _key("projects.project")),
            ],
            options={
                "db_table": "journey_changes",
                "indexes": [models.Index(fields=["project", "start_at"], name="journey_changes_by_time")],
            },
        ),
    ]

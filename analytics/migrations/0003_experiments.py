from __future__ import annotations

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """What is tried, and what it is judged by; see analytics/experiments."""

    dependencies = [
        ("analytics", "0002_features"),
        ("projects", "0006_session_gap"),
    ]

    operations = [
        migrations.CreateModel(
            name="Experiment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("slug", models.SlugField(help_text="Names the experiment in the API.", max_length=60)),
                ("name", models.CharField(max_length=100)),
                (
                    "description",
                    models.TextField(blank=True, help_text="What is tried, and what is expected of it."),
                ),
                (
                    "exposure",
                    models.JSONField(help_text="Which events say that somebody was shown a variant."),
                ),
                (
                    "variant_column",
                    models.CharField(
                        default="properties.variant",
                        help_text="Where such an event names the variant, such as properties.variant or tags.variant.",
                        max_length=200,
                    ),
                ),
                (
                    "control",
                    models.CharField(
                        default="control",
                        help_text="The variant that the others are compared with.",
                        max_length=200,
                    ),
                ),
                (
                    "shares",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Which share of the people each variant is to get; empty: all that are seen, "
                        "equally.",
                    ),
                ),
                ("starts_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "ends_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Nobody takes part from then on; empty while it runs.",
                        null=True,
                    ),
                ),
                (
                    "planned_people",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="In all variants together, as a sample size calculation before the start says.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(2)],
                    ),
                ),
                (
                    "minimum_days",
                    models.PositiveSmallIntegerField(
                        default=7, help_text="Whole weeks, since people are different on Sundays."
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
                    ),
                ),
            ],
            options={
                "ordering": ["-starts_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="ExperimentMetric",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("key", models.SlugField(help_text="Names the metric in the API.", max_length=40)),
                ("name", models.CharField(max_length=100)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("conversion", "Share of people who do it"),
                            ("total", "Total per person, 0 for who has none"),
                            ("average", "Average per person, of those who have one"),
                        ],
                        default="conversion",
                        max_length=10,
                    ),
                ),
                (
                    "matcher",
                    models.JSONField(help_text='Which events count, such as {"event_name": "order_paid"}.'),
                ),
                (
                    "column",
                    models.CharField(
                        blank=True,
                        help_text="Of totals and averages: where the event has its number, such as properties.amount; "
                        "empty for a total counts events.",
                        max_length=200,
                    ),
                ),
                (
                    "window_minutes",
                    models.FloatField(
                        blank=True,
                        help_text="Counted so long after the exposure; empty until the end.",
                        null=True,
                    ),
                ),
                (
                    "better",
                    models.CharField(
                        choices=[("higher", "Higher is better"), ("lower", "Lower is better")],
                        default="higher",
                        max_length=6,
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="metrics",
                        to="analytics.experiment",
                    ),
                ),
            ],
            options={
                "ordering": ["position", "id"],
            },
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.UniqueConstraint(fields=("project", "slug"), name="experiment_slug_is_unique"),
        ),
        migrations.AddConstraint(
            model_name="experimentmetric",
            constraint=models.UniqueConstraint(
                fields=("experiment", "key"), name="experiment_metric_key_is_unique"
            ),
        ),
    ]

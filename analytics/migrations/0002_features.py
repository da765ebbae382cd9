from __future__ import annotations

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """What counts as using a feature; see analytics/usage."""

    dependencies = [("analytics", "0001_journeys"), ("projects", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Feature",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                (
                    "slug",
                    models.SlugField(
                        help_text="Names the feature in the API; the label of its metric feature_adoption_ratio.",
                        max_length=60,
                    ),
                ),
                ("description", models.TextField(blank=True)),
                (
                    "matcher",
                    models.JSONField(
                        help_text='Which events are uses of it, such as {"event_name": "report_shared"}.'
                    ),
                ),
                (
                    "window_days",
                    models.PositiveSmallIntegerField(
                        default=7,
                        help_text="The metric looks at so many days up to now.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(90),
                        ],
                    ),
                ),
                (
                    "measure_at",
                    models.DateTimeField(
                        db_index=True,
                        editable=False,
                        help_text="When the metric is written next; null: now.",
                        null=True,
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
                    models.UniqueConstraint(fields=("project", "slug"), name="feature_slug_is_unique")
                ],
            },
        ),
    ]

from __future__ import annotations

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Funnels that people keep; see analytics/funnels."""

    dependencies = [
        ("analytics", "0003_experiments"),
        ("projects", "0006_session_gap"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedFunnel",
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
                    models.SlugField(help_text="Names the funnel in the API and in metrics.", max_length=60),
                ),
                ("description", models.TextField(blank=True)),
                ("question", models.JSONField(help_text="As the API takes it, without start and end.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "is_recorded",
                    models.BooleanField(
                        default=False,
                        help_text="Write its conversion as metric points, so that rules can watch it.",
                        verbose_name="record conversion",
                    ),
                ),
                (
                    "recorded_days",
                    models.PositiveSmallIntegerField(
                        default=7,
                        help_text="Each point tells of so many days up to its time.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(90),
                        ],
                    ),
                ),
                ("record_at", models.DateTimeField(editable=False, null=True)),
                ("problem", models.TextField(blank=True, editable=False)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_recorded", True)),
                        fields=["record_at"],
                        name="saved_funnels_to_record",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("project", "slug"), name="saved_funnel_slug_is_unique")
                ],
            },
        ),
    ]

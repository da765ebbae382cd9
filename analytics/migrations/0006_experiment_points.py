from __future__ import annotations

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    """When an experiment's metric points are due (see analytics/due.py), and whom those of journeys count, in words."""

    dependencies = [("analytics", "0005_sessions")]

    operations = [
        migrations.AlterField(
            model_name="journey",
            name="follow_minutes",
            field=models.PositiveIntegerField(
                default=1440,
                help_text="Metrics count people on the way until so long after they began, so that alerts end.",
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="measure_at",
            field=models.DateTimeField(db_index=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="experiment",
            name="problem",
            field=models.TextField(blank=True, default="", editable=False),
        ),
    ]

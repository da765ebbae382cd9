from __future__ import annotations

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    """Instant: the database fills it in, also for rows that a web server of the version before still makes."""

    dependencies = [("projects", "0005_keep_for_ever")]

    operations = [
        migrations.AddField(
            "project",
            "session_gap_minutes",
            models.PositiveIntegerField(
                db_default=30,
                default=30,
                help_text="Events without a session id: whoever is silent for longer begins another session.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(10080),
                ],
            ),
        ),
    ]

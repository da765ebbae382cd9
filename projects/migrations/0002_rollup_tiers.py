"""One length of life for all roll-ups becomes one for each tier, and each tier begins with the value there was."""

from __future__ import annotations

from typing import Any

import django.core.validators
from django.db import migrations, models
from django.db.models import F


def _days(name: str, help_text: str) -> models.PositiveIntegerField[int, int]:
    return models.PositiveIntegerField(
        name,
        default=365,
        validators=[
            django.core.validators.MinValueValidator(1),
            django.core.validators.MaxValueValidator(3650),
        ],
        help_text=help_text,
    )


def share_the_value(apps: Any, schema_editor: Any) -> None:
    policies = apps.get_model("projects", "RetentionPolicy").objects
    policies.update(rollup_minutes_days=F("rollup_hours_days"), rollup_days_days=F("rollup_hours_days"))


class Migration(migrations.Migration):
    dependencies = [("projects", "0001_initial")]

    operations = [
        # Going back, the hours' value is the one that stays.
        migrations.RenameField("retentionpolicy", "rollups_days", "rollup_hours_days"),
        migrations.AlterField(
            "retentionpolicy",
            "rollup_hours_days",
            _days("1-hour roll-ups days", "For charts of days and weeks."),
        ),
        migrations.AddField(
            "retentionpolicy",
            "rollup_minutes_days",
            _days("1-minute roll-ups days", "For charts of some hours."),
        ),
        migrations.AddField(
            "retentionpolicy",
            "rollup_days_days",
            _days("1-day roll-ups days", "For charts of months, and distinct users."),
        ),
        migrations.RunPython(share_the_value, migrations.RunPython.noop),
    ]

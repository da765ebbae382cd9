"""Null keeps for ever; going back, it becomes the default."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models


def _days(
    default: int, name: str | None = None, help_text: str = ""
) -> models.PositiveIntegerField[int | None, int | None]:
    return models.PositiveIntegerField(
        name,
        null=True,
        blank=True,
        default=default,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text=help_text,
    )


_FIELDS = {
    "events_days": _days(90),
    "metrics_days": _days(180),
    "business_days": _days(180),
    "traces_days": _days(30),
    "rollup_minutes_days": _days(365, "1-minute roll-ups days", "For charts of some hours."),
    "rollup_hours_days": _days(365, "1-hour roll-ups days", "For charts of days and weeks."),
    "rollup_days_days": _days(365, "1-day roll-ups days", "For charts of months, and distinct users."),
    "alerts_days": _days(365),
    "audit_days": _days(730),
}


class Migration(migrations.Migration):
    dependencies = [("projects", "0004_jobs")]

    operations = [migrations.AlterField("retentionpolicy", name, field) for name, field in _FIELDS.items()]

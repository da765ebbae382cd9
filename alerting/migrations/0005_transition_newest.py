from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """What happened to a project's alerts lately, newest first: the overview asks every 10 s."""

    atomic = False
    dependencies = [("alerting", "0004_rule_runbook_url")]

    operations = [
        AddIndexConcurrently(
            model_name="transition",
            index=models.Index(fields=["project", "at"], name="transition_project_newest"),
        ),
    ]

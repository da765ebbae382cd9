from __future__ import annotations

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alerting", "0003_policy_and_evidence"),
    ]

    operations = [
        migrations.AddField(
            model_name="rule",
            name="runbook_url",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Where it says what to do when this fires: a link on the alert's page.",
                max_length=500,
                validators=[django.core.validators.URLValidator(schemes=["http", "https"])],
            ),
        ),
    ]

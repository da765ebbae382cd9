from __future__ import annotations

import django.contrib.postgres.fields
import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0002_rollup_tiers"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="allowed_event_names",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=200), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="allowed_origins",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=300), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="kind",
            field=models.CharField(
                choices=[
                    ("server", "Server: kept secret by a program of yours"),
                    ("browser", "Browser: public, in a web page or an app"),
                ],
                default="server",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="record_limit_per_second",
            field=models.PositiveIntegerField(
                blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)]
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "browser"), _negated=True), ("scopes", ["ingest"]), _connector="OR"
                ),
                name="browser_keys_only_send",
                violation_error_message="A browser key can only send telemetry.",
            ),
        ),
    ]

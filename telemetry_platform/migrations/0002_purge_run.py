from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("telemetry_platform", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="PurgeRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("started_at", models.DateTimeField(db_index=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("done", models.JSONField(default=list)),
                ("failed", models.JSONField(default=list)),
                ("left_count", models.PositiveIntegerField(default=0)),
            ],
        ),
    ]

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="SourceMinute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("project_id", models.BigIntegerField()),
                ("key_id", models.BigIntegerField()),
                ("format_name", models.CharField(max_length=40)),
                ("path", models.CharField(max_length=100)),
                ("minute", models.DateTimeField(db_index=True)),
                ("last_seen_at", models.DateTimeField()),
                ("request_count", models.BigIntegerField()),
                ("refused_count", models.BigIntegerField()),
                ("record_count", models.BigIntegerField()),
                ("duplicate_count", models.BigIntegerField()),
                ("rejected_count", models.BigIntegerField()),
                ("byte_count", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "source",
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("project_id", "key_id", "format_name", "path", "minute"), name="source_minute"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SourceProblem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("project_id", models.BigIntegerField()),
                ("key_id", models.BigIntegerField()),
                ("format_name", models.CharField(max_length=40)),
                ("path", models.CharField(max_length=100)),
                ("minute", models.DateTimeField(db_index=True)),
                ("last_seen_at", models.DateTimeField()),
                ("status", models.PositiveSmallIntegerField()),
                ("code", models.CharField(max_length=60)),
                ("field", models.CharField(max_length=100)),
                ("count", models.BigIntegerField()),
                ("message", models.CharField(max_length=300)),
                ("sample", models.CharField(max_length=500)),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "project_id",
                            "key_id",
                            "format_name",
                            "path",
                            "minute",
                            "status",
                            "code",
                            "field",
                        ),
                        name="source_problem",
                    )
                ],
            },
        ),
    ]

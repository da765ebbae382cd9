from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Which ids are the same person; see events/identities.py."""

    dependencies = [("events", "0005_ids_by_slice"), ("projects", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="IdentityLink",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "project_id",
                        "identifier",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="projects.project",
                    ),
                ),
                ("identifier", models.TextField()),
                ("user_id", models.TextField()),
                ("linked_at", models.DateTimeField()),
            ],
            options={
                "db_table": "identity_links",
                "indexes": [models.Index(fields=["project", "user_id"], name="identity_links_by_user")],
            },
        ),
    ]

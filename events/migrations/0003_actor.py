from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Whose event it is. Instant on big tables: rows from before read as '' until `manage.py distribute` fills them."""

    dependencies = [("events", "0002_indexes_and_views")]

    operations = [
        migrations.AddField(
            "Event",
            "actor",
            models.TextField(
                db_default="",
                help_text="User, else anonymous id, else session, else id; '' before it was kept.",
            ),
        ),
    ]

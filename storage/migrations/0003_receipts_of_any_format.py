from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Answers of other formats than JSON; instant, because the defaults are constants."""

    dependencies = [("storage", "0002_rollup_state")]

    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE ingest_receipts
                ADD COLUMN content_type text NOT NULL DEFAULT 'application/json',
                ADD COLUMN headers jsonb NOT NULL DEFAULT '[]'
            """,
            "ALTER TABLE ingest_receipts DROP COLUMN content_type, DROP COLUMN headers",
        )
    ]

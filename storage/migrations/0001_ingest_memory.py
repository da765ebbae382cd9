from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Tables without a model: only the writer touches them, with COPY-speed SQL, and no page shows them."""

    initial = True

    operations = [
        migrations.RunSQL(
            """
            CREATE TABLE ingest_identities (
                project_id bigint NOT NULL,
                id_hash uuid NOT NULL,
                seen_at timestamptz NOT NULL,
                PRIMARY KEY (project_id, id_hash)
            );
            CREATE INDEX ingest_identities_expired ON ingest_identities USING brin (seen_at);
            CREATE TABLE ingest_receipts (
                project_id bigint NOT NULL,
                idempotency_key text NOT NULL,
                body_hash uuid NOT NULL,
                status smallint NOT NULL,
                answer bytea NOT NULL,
                created_at timestamptz NOT NULL,
                PRIMARY KEY (project_id, idempotency_key)
            );
            CREATE INDEX ingest_receipts_expired ON ingest_receipts USING brin (created_at);
            """,
            "DROP TABLE ingest_identities; DROP TABLE ingest_receipts;",
        )
    ]

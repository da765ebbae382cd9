"""How long the statements of a transaction may take."""

from __future__ import annotations

from django.db import connection


def limit_statements(seconds: float) -> None:
    """Inside a transaction: each of its statements that takes longer, waits for locks included, ends with an error.

    The error is OperationalError with psycopg's QueryCanceled as its cause. The limit ends with the transaction, as
    nothing of a session survives PgBouncer.
    """
    # 0 would be no limit at all.
    milliseconds = max(round(seconds * 1000), 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])

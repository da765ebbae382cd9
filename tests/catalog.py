"""What the database itself knows of its tables."""

from __future__ import annotations

from storage.connections import connect


def tables_naming_projects() -> set[str]:
    """Those with a project that no foreign key holds them to."""
    with connect() as own:
        found = own.execute(
            """SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
               WHERE attname = 'project_id' AND relkind IN ('r', 'p') AND NOT relispartition
                 AND pg_table_is_visible(pg_class.oid)
                 AND NOT EXISTS (SELECT FROM pg_constraint
                                 WHERE contype = 'f' AND conrelid = attrelid AND attnum = ANY(conkey))"""
        )
        return {name for (name,) in found}

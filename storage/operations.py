"""Migration operations for tables that Django can't describe: composite keys, partitions, views.

The model names `id` as its primary key because the admin can't show composite ones; the physical key is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from storage.distribution.steps import is_distributed


class CreatePartitionedTable(migrations.CreateModel):
    """`CreateModel` whose table has the given key and is partitioned by range of `time_column` (None: not at all)."""

    def __init__(
        self,
        name: str,
        fields: Sequence[tuple[str, models.Field[Any, Any]]],
        *,
        key: Sequence[str],
        time_column: str | None,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(name, list(fields), options)
        self.key = tuple(key)
        self.time_column = time_column

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        name, args, kwargs = super().deconstruct()
        return name, args, {**kwargs, "key": self.key, "time_column": self.time_column}

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        quote = schema_editor.quote_name
        columns = [
            f"{quote(field.column)} {field.db_type(schema_editor.connection)}"
            + ("" if field.null else " NOT NULL")
            + _default_sql(field, schema_editor)
            for field in model._meta.local_concrete_fields
        ]
        key = ", ".join(quote(column) for column in self.key)
        partition = f" PARTITION BY RANGE ({quote(self.time_column)})" if self.time_column else ""
        table = quote(model._meta.db_table)
        schema_editor.execute(
            f"CREATE TABLE {table} ({', '.join(columns)}, PRIMARY KEY ({key})){partition}", params=None
        )

    def describe(self) -> str:
        return f"Create table {self.name} with key ({', '.join(self.key)})"


def _default_sql(field: models.Field[Any, Any], schema_editor: BaseDatabaseSchemaEditor) -> str:
    if not field.has_db_default():
        return ""
    text, parameters = schema_editor.db_default_sql(field)
    return f" DEFAULT {text}" % tuple(schema_editor.quote_value(value) for value in parameters)


class AddPartitionedIndex(Operation):
    """An index on a partitioned table that never blocks ingest.

    Made ON ONLY the parent, CONCURRENTLY on each partition, then attached. The migration must be `atomic = False`.
    Only on distributed tables writers wait for it.
    `name` says which query the index serves.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, table: str, name: str, expression: str, where: str = "") -> None:
        self.table = table
        self.name = name
        self.expression = expression
        self.where = where

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The index lives in the database only."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        where = f" WHERE {self.where}" if self.where else ""
        quote = schema_editor.quote_name
        schema_editor.connection.ensure_connection()
        if is_distributed(schema_editor.connection.connection, self.table):
            # Citus makes no index on a parent alone: on all shards at once, and writers wait.
            schema_editor.execute(
                f"CREATE INDEX IF NOT EXISTS {quote(self.name)} ON {quote(self.table)} {self.expression}{where}",
                params=None,
            )
            return
        schema_editor.execute(
            f"CREATE INDEX IF NOT EXISTS {quote(self.name)} ON ONLY {quote(self.table)} {self.expression}{where}",
            params=None,
        )
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(
                "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
                [self.table],
            )
            partitions = [row[0] for row in cursor.fetchall()]
        for partition in partitions:
            index = f"{partition}_{self.name}"[:63]
            schema_editor.execute(
                f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {quote(index)} "
                f"ON {quote(partition)} {self.expression}{where}",
                params=None,
            )
            schema_editor.execute(
                f"ALTER INDEX {quote(self.name)} ATTACH PARTITION {quote(index)}", params=None
            )

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        schema_editor.execute(f"DROP INDEX IF EXISTS {schema_editor.quote_name(self.name)}", params=None)

    def describe(self) -> str:
        return f"Add index {self.name} to {self.table}"


class RemovePartitionedIndex(AddPartitionedIndex):
    """The other way round; takes the index as it was made. The drop waits for readers, writers wait for it."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        super().database_backwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return f"Remove index {self.name} from {self.table}"


class ReplaceView(migrations.RunSQL):
    """A view with the given columns; going back drops it, or puts the `previous` query in its place."""

    def __init__(self, name: str, query: str, previous: str = "") -> None:
        back = f'DROP VIEW IF EXISTS "{name}"'
        if previous:
            back = f'CREATE OR REPLACE VIEW "{name}" AS {previous}'
        super().__init__(f'CREATE OR REPLACE VIEW "{name}" AS {query}', reverse_sql=back)
        self.name = name
        self.query = query
        self.previous = previous

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return self.__class__.__name__, [self.name, self.query, self.previous], {}

    def describe(self) -> str:
        return f"Replace view {self.name}"


LOCK_TIMEOUT = "5s"


def limited_lock_waits(*operations: Operation) -> list[Operation]:
    """Operations of an atomic migration that fails, forwards and backwards, where a lock takes longer than 5 s.

    An ALTER TABLE waits for a long reader, and all of ingest behind it: better to fail clearly and be run again.
    """
    limit = f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"
    nothing = migrations.RunSQL.noop
    return [migrations.RunSQL(limit, nothing), *operations, migrations.RunSQL(nothing, limit)]

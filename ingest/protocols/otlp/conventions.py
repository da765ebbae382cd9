"""OpenTelemetry's semantic conventions, under the names in force and the ones before them."""

from __future__ import annotations

from typing import Any

from ingest.protocols.otlp.origins import text_of
from ingest.protocols.otlp.values import Attributes
from ingest.protocols.texts import MAX_ID
from storage.fields import MAX_NAME
from storage.texts import cut

MAX_URL = 8192

_DATABASE_NAMES = {
    "db.system": "db.system.name",
    "db.name": "db.namespace",
    "db.statement": "db.query.text",
    "db.operation": "db.operation.name",
    "db.sql.table": "db.collection.name",
    "db.mongodb.collection": "db.collection.name",
    "db.cassandra.table": "db.collection.name",
}
"""Older name -> name in force since version 1.28 of the conventions."""

_DATABASE_SYSTEMS = {
    "cosmosdb": "azure.cosmosdb",
    "db2": "ibm.db2",
    "dynamodb": "aws.dynamodb",
    "hanadb": "sap.hana",
    "maxdb": "sap.maxdb",
    "mssql": "microsoft.sql_server",
    "oracle": "oracle.db",
    "redshift": "aws.redshift",
    "spanner": "gcp.spanner",
}
"""Values of `db.system` that `db.system.name` calls otherwise."""


_DATABASE = frozenset(_DATABASE_NAMES)
_HTTP = frozenset(
    (
        "http.request.method",
        "http.method",
        "url.full",
        "http.url",
        "url.path",
        "http.target",
        "http.response.status_code",
        "http.status_code",
    )
)


def add_database_names(attributes: Attributes) -> None:
    """Give what came under an older name its new one as well, so that one query finds both."""
    if _DATABASE.isdisjoint(attributes):
        return
    for older, newer in _DATABASE_NAMES.items():
        value = attributes.get(older)
        if value is not None and newer not in attributes:
            attributes[newer] = _DATABASE_SYSTEMS.get(str(value), value) if older == "db.system" else value


def http_columns(attributes: Attributes) -> tuple[str | None, str | None, int | None]:
    """(method, URL, status code); None where there is none, or where the attributes have to keep what there is."""
    if _HTTP.isdisjoint(attributes):
        return None, None, None
    method = attributes.get("http.request.method") or attributes.get("http.method")
    url = attributes.get("url.full") or attributes.get("http.url") or _path_and_query(attributes)
    return _short(method, MAX_NAME), _short(url, MAX_URL), _status_code(attributes)


def _path_and_query(attributes: Attributes) -> Any:
    if path := attributes.get("url.path"):
        query = attributes.get("url.query")
        return f"{path}?{query}" if query else path
    return attributes.get("http.target")


def _status_code(attributes: Attributes) -> int | None:
    found = attributes.get("http.response.status_code") or attributes.get("http.status_code")
    if isinstance(found, str) and len(found) == 3 and found.isascii() and found.isdigit():
        found = int(found)
    return found if isinstance(found, int) and 100 <= found <= 599 else None


def _short(value: Any, limit: int) -> str | None:
    if isinstance(value, str) and 0 < len(value) <= limit:
        return value
    return cut(text_of(value), limit) if value else None


def user_id(attributes: Attributes) -> str | None:
    return _actor(attributes.get("user.id") or attributes.get("enduser.id"))


def session_id(attributes: Attributes) -> str | None:
    return _actor(attributes.get("session.id"))


def _actor(value: Any) -> str | None:
    """An id of a person or session. One that is too long stays an attribute: cut, it could be somebody else's."""
    found = text_of(value)
    return found if 0 < len(found) <= MAX_ID else None

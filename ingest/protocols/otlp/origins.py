"""Where records come from: a resource (service, host) and an instrumentation scope (the library that measured)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from ingest.protocols.otlp.envelopes import Contents
from ingest.protocols.otlp.messages import Resource, Scope
from ingest.protocols.otlp.values import AttributeReader, Attributes, BadRecord, parsed
from storage.records import RecordError
from storage.values import json_text

UNKNOWN_SERVICE = "unknown_service"
"""What OpenTelemetry's SDKs call a service without a name."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Origin:
    """A resource and a scope, read once for all records below them."""

    resource_bytes: bytes
    scope_bytes: bytes
    resource: Attributes
    scope_name: str
    scope_version: str
    scope: Attributes
    byte_count: int = 0
    """About what both take in each record."""

    @cached_property
    def service_name(self) -> str:
        """In full length; "" where none is given."""
        return text_of(self.resource.get("service.name"))

    @cached_property
    def tags(self) -> Attributes:
        """All that is known of the origin, as tags that its records share. Not to be changed."""
        tags = merged(self.resource, self.scope)
        if self.scope_name:
            tags["otel.scope.name"] = self.scope_name
        if self.scope_version:
            tags["otel.scope.version"] = self.scope_version
        return tags

    @cached_property
    def names(self) -> frozenset[str]:
        """Of `tags`; asking a set takes half the time of asking a dictionary."""
        return frozenset(self.tags)

    @cached_property
    def open_json(self) -> str:
        """`tags` as a JSON object that isn't closed, so that more members can follow."""
        return json_text(self.tags)[:-1] + ("," if self.tags else "")


class OriginReader:
    """Reads each resource, scope and pair of both of a request once."""

    def __init__(self, attributes: AttributeReader) -> None:
        self._attributes = attributes
        self._known: dict[tuple[bytes, bytes], Origin | BadRecord] = {}
        self._byte_counts: dict[bytes, int] = {}

    def read(self, resource_bytes: bytes, scope_bytes: bytes) -> Origin:
        """Raises BadRecord: without its origin no record below makes sense."""
        key = (resource_bytes, scope_bytes)
        found = self._known.get(key)
        if found is None:
            try:
                found = self._read(*key)
            except BadRecord as error:
                found = BadRecord(
                    "resource", f"its resource or scope can't be read: {error.message}", error.code
                )
            self._known[key] = found
        if isinstance(found, BadRecord):
            raise found
        return found

    def share(self, origin: Origin, record_count: int) -> None:
        """Take room for what so many more records have of their origin. Raises TooManyRecords."""
        attribute_count = len(origin.resource) + len(origin.scope)
        self._attributes.share(record_count * origin.byte_count, record_count * attribute_count)

    def _read(self, resource_bytes: bytes, scope_bytes: bytes) -> Origin:
        resource, scope = parsed(Resource, resource_bytes), parsed(Scope, scope_bytes)
        outer, inner = self._attributes.read(resource.attributes), self._attributes.read(scope.attributes)
        byte_count = self._byte_count(resource_bytes, outer) + self._byte_count(scope_bytes, inner)
        return Origin(resource_bytes, scope_bytes, outer, scope.name, scope.version, inner, byte_count)

    def _byte_count(self, raw: bytes, attributes: Attributes) -> int:
        """About what they take as JSON; a scope's name and version are in its bytes."""
        if raw not in self._byte_counts:
            self._byte_counts[raw] = max(len(raw), len(_encode(attributes)))
        return self._byte_counts[raw]


def with_origins(
    contents: Iterable[Contents], reader: OriginReader, errors: list[RecordError]
) -> Iterator[tuple[Origin, Iterable[tuple[int, bytes]]]]:
    """Each origin with the (place in the request, bytes) of its records.

    Where an origin can't be read, `errors` gets one for each record.
    """
    first = 0
    for content in contents:
        places = range(first, first + len(content.records))
        first = places.stop
        try:
            origin = reader.read(content.resource, content.scope)
        except BadRecord as error:
            errors.extend(map(error.at, places))
            continue
        reader.share(origin, len(places))
        yield origin, zip(places, content.records, strict=True)


def merged(outer: Attributes, inner: Attributes) -> Attributes:
    """Both; where they differ the inner one has the name, and the outer one is kept under `resource.<name>`."""
    if outer.keys().isdisjoint(inner):
        return {**outer, **inner}
    differing = {
        f"resource.{name}": outer[name] for name in outer.keys() & inner.keys() if outer[name] != inner[name]
    }
    return {**outer, **differing, **inner}


def merged_json(origin: Origin, attributes: Attributes) -> str:
    """As `merged`, of the origin's tags and these attributes, in JSON; what an origin has is encoded once."""
    if attributes and origin.names.isdisjoint(attributes):
        return origin.open_json + _encode(attributes).decode()[1:]
    return json_text(merged(origin.tags, attributes))


def text_of(value: Any) -> str:
    """An attribute that should be a text; "" for None."""
    return value if isinstance(value, str) else ("" if value is None else str(value))

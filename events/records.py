"""An event as it arrives, and the row it becomes. No Django here: the decoder and the fuzzers use it alone."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from storage.fields import Actor, LongText, Milliseconds, Moment, Name, Text, text_or_none
from storage.ids import normal_trace_id, stored_id, time_in_id
from storage.records import Bounds, Identity, RecordError, Row, Write, digest_128, random_uuid
from storage.registry import Sharding, Table, register
from storage.times import utc_time
from storage.values import json_text

EVENTS = register(
    Table(
        name="telemetry_events",
        columns=(
            "project_id",
            "event_timestamp",
            "id",
            "client_id",
            "received_at",
            "event_type",
            "event_name",
            "event_category",
            "severity",
            "user_id",
            "anonymous_id",
            "tenant_id",
            "session_id",
            "source",
            "source_ip",
            "user_agent",
            "duration_ms",
            "trace_id",
            "span_id",
            "tags",
            "event_data",
            "actor",
        ),
        key=("project_id", "event_timestamp", "id"),
        retention="events",
        time_column="event_timestamp",
        # A person's events lie on one machine, so funnels and journeys never leave it.
        sharding=Sharding(column="actor", filled_by="coalesce(user_id, anonymous_id, session_id, id::text)"),
    )
)

CLOCK_TOLERANCE = timedelta(seconds=60)
"""A clock that is off by less can't be told from a slow network."""

TraceId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class _EventFields(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`license_id` and `event_data` are older names of `tenant_id` and `properties`."""

    event_name: Name
    event_type: Text = ""
    event_category: Text = ""
    timestamp: Moment | None = None
    id: Name | None = None
    user_id: Actor | None = None
    anonymous_id: Actor | None = None
    tenant_id: Actor | None = None
    license_id: Actor | None = None
    session_id: Actor | None = None
    source: Text | None = None
    source_ip: Text | None = None
    user_agent: LongText | None = None
    duration_ms: Milliseconds | None = None
    severity: Text | None = None
    trace_id: TraceId | None = None
    span_id: TraceId | None = None
    tags: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    event_data: dict[str, Any] | None = None


class EventRecord(_EventFields, forbid_unknown_fields=True, kw_only=True):
    """One native event."""


class ForeignEvent(_EventFields, forbid_unknown_fields=True, kw_only=True):
    """What other formats make of theirs. Their decoders keep the limits: a struct made by hand checks nothing."""

    id_is_text: bool = False
    """The id is a text even where it looks like a UUID: unique only together with its source."""
    id_scope: str | None = None
    """What a text id is unique within, where that isn't `source` as it is stored."""
    sent_at: datetime | None = None
    """When it was sent by the clock that `timestamp` comes from, so that a wrong clock can be told."""


AnyEvent = EventRecord | ForeignEvent


def prepare(records: Iterable[tuple[int, AnyEvent]], bounds: Bounds) -> tuple[Write, list[RecordError]]:
    """Rows for the writer from (index, record) pairs, and an error for each record that can't be stored."""
    write = Write(EVENTS)
    errors: list[RecordError] = []
    for index, record in records:
        moment, claim = _moment(index, record, bounds)
        if isinstance(moment, RecordError):
            errors.append(moment)
            continue
        problem = bounds.error(index, "timestamp", moment) or _problem(index, record)
        if problem:
            errors.append(problem)
            continue
        event_id, client_id = _id(record, bounds)
        if claim:
            identity = digest_128(EVENTS.name, uuid.UUID(event_id).bytes)
            write.identities[len(write.rows)] = Identity(bounds.project_id, identity)
        write.add_dated(index, _row(record, bounds, moment, event_id, client_id), moment)
    return write, errors


def _moment(index: int, record: AnyEvent, bounds: Bounds) -> tuple[datetime | RecordError, bool]:
    """When the event happened, and whether its identity must be claimed because only the id tells a retry."""
    if record.timestamp is not None:
        try:
            moment = utc_time(record.timestamp)
        except ValueError as error:
            return RecordError(index, "timestamp", "invalid", str(error)), False
        if isinstance(record, ForeignEvent) and record.sent_at:
            # Claimed whatever the clock: a retry comes with another delay, and so perhaps to another time.
            return _by_our_clock(record, moment, bounds.received_at - record.sent_at), record.id is not None
        return moment, False
    if record.id is not None:
        carried = time_in_id(record.id)
        if carried and bounds.oldest <= carried <= bounds.newest:
            return carried, False
    # One microsecond a record keeps the order in which a batch was sent.
    return bounds.received_at + timedelta(microseconds=index), record.id is not None


def _by_our_clock(record: ForeignEvent, moment: datetime, behind: timedelta) -> datetime:
    """The time where the sender's clock was `behind` when it sent; the time as given is kept as a tag."""
    if abs(behind) <= CLOCK_TOLERANCE:
        return moment
    record.tags = {**(record.tags or {}), "original_timestamp": moment.isoformat()}
    try:
        return moment + behind
    except OverflowError:
        return moment


def _id(record: AnyEvent, bounds: Bounds) -> tuple[str, str | None]:
    if record.id is None:
        return str(random_uuid()), None
    if isinstance(record, EventRecord):
        return stored_id(bounds.project_id, record.source, record.id)
    scope = record.source if record.id_scope is None else record.id_scope
    return stored_id(bounds.project_id, scope, record.id, is_text=record.id_is_text)


def _problem(index: int, record: AnyEvent) -> RecordError | None:
    if record.source_ip is not None and not is_address(record.source_ip):
        return RecordError(index, "source_ip", "invalid", "source_ip is not an IPv4 or IPv6 address")
    if record.license_id is not None and record.tenant_id is not None:
        return _given_twice(index, "tenant_id", "license_id")
    if record.event_data is not None and record.properties is not None:
        return _given_twice(index, "properties", "event_data")
    return None


def is_address(text: str) -> bool:
    """An IPv4 or IPv6 address without a zone."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _given_twice(index: int, name: str, older: str) -> RecordError:
    """Two names of one column: taking either would drop the other without a word."""
    return RecordError(index, older, "given_twice", f"{older} is another name of {name}; send one of them")


def _row(record: AnyEvent, bounds: Bounds, moment: datetime, event_id: str, client_id: str | None) -> Row:
    tenant = record.tenant_id if record.tenant_id is not None else record.license_id
    properties = record.properties if record.properties is not None else record.event_data
    user_id = text_or_none(record.user_id)
    anonymous_id = text_or_none(record.anonymous_id)
    session_id = text_or_none(record.session_id)
    return (
        bounds.project_id,
        moment,
        event_id,
        client_id,
        bounds.received_at,
        record.event_type,
        record.event_name,
        record.event_category,
        record.severity,
        user_id,
        anonymous_id,
        text_or_none(tenant),
        session_id,
        record.source,
        record.source_ip,
        record.user_agent,
        record.duration_ms,
        normal_trace_id(record.trace_id) if record.trace_id else None,
        normal_trace_id(record.span_id) if record.span_id else None,
        json_text(record.tags),
        json_text(properties),
        user_id or anonymous_id or session_id or event_id,
    )

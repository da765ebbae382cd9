"""Spans made by hand, for what is pure, and sent over HTTP, for what is not."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from hypothesis import strategies as st

from tests.clients import ProjectClient, counts
from traces.models import Span
from traces.tree import Node, build_forest

ORIGIN = datetime(2026, 1, 1, tzinfo=UTC)


def span(span_id: str, parent: str | None, start_ms: float, end_ms: float, **fields: Any) -> Span:
    """A span of service "api" that ran from one millisecond to another."""
    given = {
        "service_name": "api",
        "operation_name": f"do {span_id}",
        "status": "unset",
        "trace_id": "t",
    } | fields
    return Span(
        span_id=span_id,
        parent_span_id=parent,
        start_time=ORIGIN + timedelta(milliseconds=start_ms),
        duration_ms=end_ms - start_ms,
        **given,
    )


def forest(*spans: Span) -> list[Node]:
    return build_forest(spans)


@st.composite
def forests(draw: st.DrawFn, least: int = 1, most: int = 25) -> list[Node]:
    """Any trees, of spans that need not lie inside their parents."""
    ids = [str(number) for number in range(draw(st.integers(least, most)))]
    return build_forest(
        span(
            one,
            draw(st.sampled_from([None, *ids])),
            start := draw(st.integers(0, 50)),
            start + draw(st.integers(0, 50)),
            service_name=draw(st.sampled_from(["api", "db", "pay"])),
            status=draw(st.sampled_from(["unset", "error"])),
        )
        for one in ids
    )


def send(api: ProjectClient, spans: Sequence[dict[str, Any]], start: datetime, **common: Any) -> None:
    """Spans a millisecond apart, of one trace where nothing else is said."""
    batch = [
        {
            "trace_id": "4bf92f3577b34da6",
            "span_id": f"s{number}",
            "service_name": "api",
            "operation_name": "GET /orders",
            "start_time": (start + timedelta(milliseconds=number)).isoformat(),
            "duration_ms": 10,
            **common,
            **fields,
        }
        for number, fields in enumerate(spans)
    ]
    answer = api.post("/api/v1/traces", {"spans": batch}).json()
    assert answer["accepted"] == len(spans), answer


def redirected(client: Client, path: str) -> str:
    """Where a page leads to."""
    answer: Any = client.get(path)
    assert answer.status_code == 302, answer.content[:500]
    return str(answer.url)


def exported(client: Client, path: str) -> str:
    """The text of a file that a page makes."""
    answer: Any = client.get(path)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def send_spans(api: ProjectClient, count: int, now: datetime, **fields: Any) -> None:
    """Whole traces of one span each, a second apart, the newest before `now`."""
    spans = [
        {
            "trace_id": uuid.uuid4().hex,
            "span_id": uuid.uuid4().hex[:16],
            "service_name": "web",
            "operation_name": "GET /",
            "start_time": (now - timedelta(seconds=1 + number)).isoformat(),
            "duration_ms": 100,
            **fields,
        }
        for number in range(1, count + 1)
    ]
    answer = api.post("/api/v1/traces", {"spans": spans})
    assert counts(answer) == (count, 0, 0), answer.content

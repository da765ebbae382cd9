from __future__ import annotations

from typing import Any

from rest_framework import serializers

from traces.models import Span
from traces.queries import Trace
from traces.tree import preorder

MAX_NESTING = 100
"""Levels of spans in one branch of JSON: parsers, ours included, give up at some depth."""


class SpanSerializer(serializers.ModelSerializer[Span]):
    """A span under the names it was sent with."""

    class Meta:
        model = Span
        fields = [
            "trace_id",
            "span_id",
            "parent_span_id",
            "service_name",
            "operation_name",
            "kind",
            "status",
            "start_time",
            "duration_ms",
            "http_method",
            "http_url",
            "http_status_code",
            "user_id",
            "tags",
            "events",
            "links",
            "received_at",
        ]


class TraceSerializer(serializers.Serializer[Trace]):
    """A whole trace: roots with `children`. A branch deeper than 100 levels goes on as a root of its own."""

    trace_id = serializers.CharField()
    start_time = serializers.DateTimeField()
    duration_ms = serializers.FloatField()
    span_count = serializers.SerializerMethodField()
    truncated = serializers.BooleanField()
    roots = serializers.SerializerMethodField()

    def get_span_count(self, trace: Trace) -> int:
        return len(trace.spans)

    def get_roots(self, trace: Trace) -> list[dict[str, Any]]:
        """Each span as in the list, with `children`."""
        serializer = SpanSerializer()
        rendered: dict[int, dict[str, Any]] = {}
        roots: list[dict[str, Any]] = []
        for node in preorder(trace.roots):
            span = {**serializer.to_representation(node.span), "children": []}
            rendered[id(node)] = span
            if node.parent is None or node.depth % MAX_NESTING == 0:
                roots.append(span)
            else:
                rendered[id(node.parent)]["children"].append(span)
        return roots

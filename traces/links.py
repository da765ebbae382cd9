"""Where a span and a trace are found in the admin."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.urls import reverse

from traces.models import Span


def span_url(span: Span) -> str:
    """The page of a span; the project tells it from one with the same ids elsewhere."""
    path = reverse("admin:traces_span_change", args=(quote(f"{span.trace_id}-{span.span_id}"),))
    return f"{path}?project={span.project_id}"


def trace_url(span: Span) -> str:
    """The list of all spans of the trace that this span belongs to."""
    query = urlencode({"project": span.project_id, "q": span.trace_id})
    return f"{reverse('admin:traces_span_changelist')}?{query}"

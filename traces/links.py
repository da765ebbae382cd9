"""Where a span and a trace are found in the admin."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.urls import reverse

from storage.rollups.windows import EPOCH
from traces.models import Span


def span_url(span: Span) -> str:
    """The page of a span; the project tells it from one with the same ids elsewhere."""
    path = reverse("admin:traces_span_change", args=(quote(f"{span.trace_id}-{span.span_id}"),))
    return f"{path}?project={span.project_id}"


def trace_url(span: Span) -> str:
    """The page of the trace that this span belongs to, with the span opened."""
    query = urlencode({"project": span.project_id, **span_parameters(span)})
    return f"{reverse('explore_trace', args=(span.trace_id,))}?{query}"


def span_parameters(span: Span) -> dict[str, str]:
    """What names a span within its trace: ids may occur twice, so its start in microseconds, too."""
    return {"span_id": span.span_id, "at": str(microseconds(span.start_time))}


def microseconds(moment: datetime) -> int:
    """Since 1970, exact."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment_of(text: str) -> datetime | None:
    """The moment that `microseconds` gave; None for any other text."""
    try:
        return EPOCH + timedelta(microseconds=int(text))
    except (ValueError, OverflowError):
        return None

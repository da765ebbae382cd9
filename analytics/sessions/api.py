from __future__ import annotations

import math
from datetime import timedelta
from typing import Any, Final, TypedDict

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from analytics.in_time import in_time
from analytics.sessions.active import count_active
from analytics.sessions.answers import Session
from analytics.sessions.question import Question, gap_of, place_of
from analytics.sessions.roads import read
from analytics.units import PERSON
from events.columns import columns_in_words, is_column
from projects.api.authentication import KeyRateThrottle, project_id_of
from projects.api.errors import BadRequest
from projects.api.filters import refuse_parameters
from projects.api.pagination import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from projects.api.summaries import TimeParameter
from projects.models import MAX_SESSION_GAP_MINUTES


class SessionParameters(serializers.Serializer[Any]):
    """The query parameters."""

    start = TimeParameter(required=False, help_text="RFC 3339 or a Unix number; all that is kept by default.")
    end = TimeParameter(required=False, help_text="Events before it; none is left out by default.")
    unit = serializers.CharField(
        default=PERSON,
        max_length=200,
        help_text="Whose sessions: `user_id` (persons, with the anonymous ids merged into them), `source_ip`, any "
        "column, `tags.<key>` or `properties.<key>`.",
    )
    gap_minutes = serializers.FloatField(
        required=False,
        min_value=0.01,
        max_value=MAX_SESSION_GAP_MINUTES,
        help_text="Without a `session_id`, a longer silence begins another session; as the project is set by default.",
    )
    page_size = serializers.IntegerField(default=DEFAULT_PAGE_SIZE, min_value=1, max_value=MAX_PAGE_SIZE)
    cursor = serializers.CharField(required=False)

    def validate_unit(self, unit: str) -> str:
        if not is_column(unit):
            raise serializers.ValidationError(f"{unit[:100]!r} is not one of {columns_in_words()}.")
        return unit

    def validate_gap_minutes(self, minutes: float) -> float:
        # NaN passes both bounds.
        if math.isnan(minutes):
            raise serializers.ValidationError("Must be a number.")
        return minutes


class SessionAnswer(TypedDict):
    """One session. `session_id` is null where events were put together by their times."""

    unit: str
    session_id: str | None
    started_at: Any
    ended_at: Any
    duration_seconds: float
    event_count: int
    page_view_count: int
    entry: str
    exit: str
    source: str | None


_TIME: Final = {"type": "string", "format": "date-time"}
_TEXT: Final = {"type": "string", "nullable": True}
_SESSION: Final = {
    "type": "object",
    "properties": {
        "unit": {"type": "string"},
        "session_id": _TEXT,
        "started_at": _TIME,
        "ended_at": _TIME,
        "duration_seconds": {"type": "number"},
        "event_count": {"type": "integer"},
        "page_view_count": {"type": "integer"},
        "entry": {"type": "string"},
        "exit": {"type": "string"},
        "source": _TEXT,
    },
    "required": list(SessionAnswer.__annotations__),
}
_ANSWER: Final = {
    "type": "object",
    "properties": {
        "sessions": {"type": "integer"},
        "units": {"type": "integer"},
        "median_seconds": {"type": "number", "nullable": True},
        "active_sessions": {
            "type": "integer",
            "description": "Going on now, whatever the range: their last event is no longer ago than the gap.",
        },
        "next": {**_TEXT, "format": "uri"},
        "results": {"type": "array", "items": _SESSION},
    },
    "required": ["sessions", "units", "median_seconds", "active_sessions", "next", "results"],
}


class SessionsView(APIView):
    """What somebody did in one go."""

    throttle_classes = [KeyRateThrottle]

    @extend_schema(
        operation_id="sessions",
        tags=["analytics"],
        parameters=[SessionParameters],
        responses={
            200: OpenApiResponse(_ANSWER, description="Counts of all sessions, the newest of them in detail.")
        },
    )
    def get(self, request: Request) -> Response:
        """Sessions by `session_id`, else by silence longer than the gap the project is set to; the newest first."""
        question = _question(request)
        with in_time():
            found, active_count = read(question), count_active(question, timezone.now())
        shown = found.page[: question.page_size]
        has_more = len(found.page) > question.page_size
        return Response(
            {
                "sessions": found.session_count,
                "units": found.unit_count,
                "median_seconds": found.median_seconds,
                "active_sessions": active_count,
                "next": _next(request, shown[-1]) if has_more else None,
                "results": [_answer(session) for session in shown],
            }
        )


def _question(request: Request) -> Question:
    parameters = SessionParameters(data=request.query_params.dict())
    refuse_parameters(request, parameters.fields)
    parameters.is_valid(raise_exception=True)
    given = parameters.validated_data
    start, end = given.get("start"), given.get("end")
    if start and end and start >= end:
        raise BadRequest("start must be before end.", code="invalid")
    try:
        after = place_of(given["cursor"]) if "cursor" in given else None
    except ValueError as error:
        raise BadRequest(str(error), code="invalid_cursor") from None
    project_id = project_id_of(request)
    minutes = given.get("gap_minutes")
    return Question(
        project_id=project_id,
        start=start,
        end=end,
        unit=given["unit"],
        gap=gap_of(project_id) if minutes is None else timedelta(minutes=minutes),
        page_size=given["page_size"],
        after=after,
    )


def _next(request: Request, last: Session) -> str:
    url = remove_query_param(request.build_absolute_uri(), "cursor")
    return str(replace_query_param(url, "cursor", last.place.encoded()))


def _answer(session: Session) -> SessionAnswer:
    return SessionAnswer(
        unit=session.unit,
        session_id=session.session or None,
        started_at=session.started_at,
        ended_at=session.ended_at,
        duration_seconds=session.duration.total_seconds(),
        event_count=session.event_count,
        page_view_count=session.page_view_count,
        entry=session.entry,
        exit=session.exit,
        source=session.source,
    )

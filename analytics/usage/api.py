"""`GET /api/v1/analytics/active/`, `retention/` and `lifecycle/`: who is there, comes back and goes."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from analytics.in_time import in_time
from analytics.usage.periods import PeriodName, Periods
from analytics.usage.question import Question, UsageError, asked_periods, cell_question
from analytics.usage.serializers import (
    ActiveParameters,
    ActiveSerializer,
    LifecycleParameters,
    LifecycleSerializer,
    RetentionParameters,
    RetentionPeopleParameters,
    RetentionPeopleSerializer,
    RetentionSerializer,
)
from projects.api.authentication import KeyRateThrottle, project_id_of
from projects.api.errors import BadRequest
from projects.api.serializers import StrictParameters


class UsageView(APIView):
    """Base of the views: reads the query parameters.

    Subclasses import what needs numpy while they answer: no web process should hold its 20 MB before somebody asks.
    """

    throttle_classes = [KeyRateThrottle]

    def given(self, request: Request, kind: type[StrictParameters]) -> dict[str, Any]:
        """Raises BadRequest and ValidationError."""
        parameters = kind(data=request.query_params.dict())
        parameters.is_valid(raise_exception=True)
        return dict(parameters.validated_data)

    def question(self, request: Request, given: dict[str, Any]) -> Question:
        """Raises BadRequest."""
        period: PeriodName = given.get("period", "day")
        return Question(
            project_id=project_id_of(request),
            period=period,
            periods=_periods(period, given),
            event_name=given.get("event_name") or given.get("cohort_event"),
            returning_event=given.get("returning_event"),
        )


def _periods(period: PeriodName, given: dict[str, Any]) -> Periods:
    try:
        return asked_periods(period, given.get("start"), given.get("end"), timezone.now())
    except UsageError as error:
        raise BadRequest(str(error), code="invalid") from None


class ActiveView(UsageView):
    @extend_schema(
        operation_id="active_people",
        tags=["analytics"],
        parameters=[ActiveParameters],
        responses={200: ActiveSerializer},
    )
    def get(self, request: Request) -> Response:
        """Daily, weekly and monthly active people of each day, and their stickiness."""
        from analytics.usage import active, answers

        given = self.given(request, ActiveParameters)
        question = self.question(request, given)
        with in_time():
            days = answers.active_days(question)
        return Response({**range_of(question), "definition": active.DEFINITION, "days": days})


class RetentionView(UsageView):
    @extend_schema(
        operation_id="retention_table",
        tags=["analytics"],
        parameters=[RetentionParameters],
        responses={200: RetentionSerializer},
    )
    def get(self, request: Request) -> Response:
        """The retention table: how many of those who began in a period come back how many periods later."""
        from analytics.usage import answers, cohorts

        given = self.given(request, RetentionParameters)
        question = self.question(request, given)
        with in_time():
            table = answers.retention(question)
        return Response(
            {
                **range_of(question),
                "definition": cohorts.DEFINITION,
                "period": question.period,
                "cohorts": table,
                "averages": cohorts.averages(table, question.periods.over_count(timezone.now())),
            }
        )


class RetentionPeopleView(UsageView):
    @extend_schema(
        operation_id="retention_people",
        tags=["analytics"],
        parameters=[RetentionPeopleParameters],
        responses={200: RetentionPeopleSerializer},
    )
    def get(self, request: Request) -> Response:
        """The people behind a number of the retention table."""
        from analytics.usage import answers

        given = self.given(request, RetentionPeopleParameters)
        question, page, size = _cell(request, given), given["page"], given["page_size"]
        with in_time():
            found = answers.cell_people(question, skipped=(page - 1) * size, most=size)
        is_last = page * size >= found.count
        return Response(
            {
                "period": question.period,
                "cohort": question.periods.start,
                "later": given.get("later"),
                "start": question.periods.starts[-1],
                "end": question.periods.end,
                "count": found.count,
                "next": None
                if is_last
                else replace_query_param(request.build_absolute_uri(), "page", page + 1),
                "results": [{"user_id": name} for name in found.names],
            }
        )


def _cell(request: Request, given: dict[str, Any]) -> Question:
    """Raises BadRequest."""
    try:
        return cell_question(project_id_of(request), given)
    except UsageError as error:
        raise BadRequest(str(error), code="invalid") from None


class LifecycleView(UsageView):
    @extend_schema(
        operation_id="lifecycle",
        tags=["analytics"],
        parameters=[LifecycleParameters],
        responses={200: LifecycleSerializer},
    )
    def get(self, request: Request) -> Response:
        """Who is new, stays, comes back and goes in each period."""
        from analytics.usage import answers, lifecycle

        given = self.given(request, LifecycleParameters)
        question = self.question(request, given)
        with in_time():
            found = answers.lifecycle_periods(question)
        return Response(
            {
                **range_of(question),
                "definition": lifecycle.DEFINITION,
                "period": question.period,
                "periods": found,
            }
        )


def range_of(question: Question) -> dict[str, Any]:
    """What every answer says of its time."""
    return {"start": question.periods.start, "end": question.periods.end}

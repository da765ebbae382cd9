from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics.funnels.parsing import parse_funnel, parse_people
from analytics.funnels.schemas import ANSWER, PEOPLE_ANSWER, PEOPLE_QUESTION, QUESTION
from analytics.in_time import in_time
from analytics.matchers import MatcherError
from projects.api.authentication import KeyRateThrottle, project_id_of
from projects.api.errors import BadRequest
from projects.api.filters import refuse_parameters
from projects.api.parsers import StrictJsonParser

T = TypeVar("T")


class _QuestionView(APIView):
    """Reads, though it is a POST: a funnel is too long for a URL."""

    scopes = {"POST": "read"}
    throttle_classes = [KeyRateThrottle]
    parser_classes = [StrictJsonParser]

    def question(self, request: Request, parse: Callable[[object], T]) -> T:
        refuse_parameters(request)
        try:
            return parse(request.data)
        except MatcherError as error:
            raise BadRequest(str(error), code="invalid") from None


class FunnelView(_QuestionView):
    """How many get how far through steps."""

    @extend_schema(
        operation_id="funnel",
        tags=["analytics"],
        request={"application/json": QUESTION},
        responses={200: OpenApiResponse(ANSWER, description="The funnel's figures.")},
    )
    def post(self, request: Request) -> Response:
        """Units that reach each step, the share of those before, and how long they take."""
        # numpy takes 20 MB, which no web process should hold before somebody asks for a funnel.
        from analytics.funnels.answers import answer

        funnel = self.question(request, parse_funnel)
        with in_time():
            return Response(answer(project_id_of(request), funnel))


class FunnelPeopleView(_QuestionView):
    """Who is behind a number of a funnel."""

    @extend_schema(
        operation_id="funnel_people",
        tags=["analytics"],
        request={"application/json": PEOPLE_QUESTION},
        responses={200: OpenApiResponse(PEOPLE_ANSWER, description="How many, and those that began last.")},
    )
    def post(self, request: Request) -> Response:
        """Units that reached a step, or were lost on the way to it; those that began last come first."""
        from analytics.funnels.answers import people

        asked = self.question(request, parse_people)
        with in_time():
            return Response(people(project_id_of(request), asked))

"""`GET /api/v1/ttf/{user_id}`, `/api/v1/analytics/journeys/{slug}/`, its `users/{user_id}/` and its `waiting/`."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics.in_time import in_time
from analytics.journeys.answers import journey_answer, person_answer, ttf_answer, waiting_answer
from analytics.journeys.definitions import Definition, JourneyError
from analytics.journeys.reading import Person, journey_named, person_on
from analytics.journeys.ready import TTF
from analytics.journeys.report import Question, report
from analytics.journeys.serializers import (
    JourneyParameters,
    JourneySerializer,
    PersonSerializer,
    TtfSerializer,
    WaitingParameters,
    WaitingPeopleSerializer,
)
from analytics.journeys.waiting import waiting_people
from projects.api.authentication import KeyRateThrottle, project_id_of
from projects.api.errors import BadRequest
from projects.api.filters import refuse_parameters


class _JourneyReadView(APIView):
    throttle_classes = [KeyRateThrottle]

    def journey(self, request: Request, slug: str) -> Definition:
        """Raises NotFound, and BadRequest for a journey that can't be followed as it is defined."""
        try:
            found = None if "\0" in slug else journey_named(project_id_of(request), slug)
        except JourneyError as error:
            raise BadRequest(str(error), code="invalid_journey") from None
        if found is None:
            raise NotFound("This project has no such journey.")
        return found

    def person(self, definition: Definition, user_id: str) -> Person:
        """Raises NotFound for somebody who has reached no milestone."""
        found = None if "\0" in user_id else person_on(definition, user_id)
        if found is None:
            raise NotFound("Nobody with this id has reached a milestone of this journey.")
        return found


class TtfView(_JourneyReadView):
    @extend_schema(operation_id="ttf", tags=["ttf"], responses={200: TtfSerializer})
    def get(self, request: Request, user_id: str) -> Response:
        """How long somebody took from signing up to the first success, merged over all their ids.

        404 for who has reached no milestone.
        """
        refuse_parameters(request)
        definition = self.journey(request, TTF)
        return Response(ttf_answer(definition, user_id, self.person(definition, user_id).reached))


class JourneyPersonView(_JourneyReadView):
    @extend_schema(operation_id="journey_person", tags=["analytics"], responses={200: PersonSerializer})
    def get(self, request: Request, slug: str, user_id: str) -> Response:
        """One person on a journey: each milestone with its time and minutes, and what they wait for."""
        refuse_parameters(request)
        definition = self.journey(request, slug)
        reached = self.person(definition, user_id).reached
        return Response(person_answer(definition, user_id, reached, timezone.now()))


class JourneyView(_JourneyReadView):
    @extend_schema(
        operation_id="journey",
        tags=["analytics"],
        parameters=[JourneyParameters],
        responses={200: JourneySerializer},
    )
    def get(self, request: Request, slug: str) -> Response:
        """How many complete a journey, how long each stage takes, who waits where; by week and by segment."""
        parameters = JourneyParameters(data=request.query_params.dict())
        parameters.is_valid(raise_exception=True)
        definition = self.journey(request, slug)
        question = Question(now=timezone.now(), **parameters.validated_data)
        with in_time():
            found = report(definition, question)
        return Response(journey_answer(definition, found))


class JourneyWaitingView(_JourneyReadView):
    @extend_schema(
        operation_id="journey_waiting",
        tags=["analytics"],
        parameters=[WaitingParameters],
        responses={200: WaitingPeopleSerializer},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Who is on the way, and what they wait for; whom the journey follows first, then who waits longest."""
        parameters = WaitingParameters(data=request.query_params.dict())
        parameters.is_valid(raise_exception=True)
        definition = self.journey(request, slug)
        given = parameters.validated_data
        limit, key = given.pop("page_size"), given.pop("waits_for", None)
        positions = {stage.key: number for number, stage in enumerate(definition.stages)}
        if key is not None and key not in positions:
            raise BadRequest(f"waits_for: this journey has no milestone {key[:40]!r}.", code="invalid")
        question = Question(now=timezone.now(), **given)
        with in_time():
            found = waiting_people(definition, question, limit + 1, positions.get(key))
        return Response(waiting_answer(definition, found[:limit], is_cut=len(found) > limit))

"""`GET`, `POST /api/v1/analytics/experiments/` and `GET /api/v1/analytics/experiments/{slug}/`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, mixins, serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics.experiments.answers import answer
from analytics.experiments.definitions import (
    Definition,
    ExperimentError,
    definition_of,
    experiment_named,
    exposure_of,
)
from analytics.experiments.reading import Question
from analytics.experiments.results import evaluate
from analytics.experiments.serializers import ExperimentSerializer, ResultsParameters, ResultsSerializer
from analytics.in_time import in_time
from analytics.models.experiments import Experiment, ExperimentMetric
from projects.api.authentication import KeyRateThrottle, project_id_of
from projects.api.errors import BadRequest
from projects.api.filters import StrictFilterBackend, refuse_parameters
from projects.api.pagination import KeysetPagination
from projects.api.parsers import StrictJsonParser


class ExperimentsView(mixins.ListModelMixin, generics.GenericAPIView[Experiment]):
    """Experiments of the key's project. Reading takes the scope `read`, making one `manage`."""

    keyset = ("created_at", "id")
    serializer_class = ExperimentSerializer
    parser_classes = [StrictJsonParser]
    pagination_class = KeysetPagination
    filter_backends = [StrictFilterBackend]
    throttle_classes = [KeyRateThrottle]

    def get_queryset(self) -> QuerySet[Experiment]:
        if getattr(self, "swagger_fake_view", False):
            return Experiment.objects.none()
        experiments = Experiment.objects.filter(project=project_id_of(self.request))
        return experiments.prefetch_related("metrics")

    @extend_schema(operation_id="experiments", tags=["analytics"])
    def get(self, request: Request) -> Response:
        """Experiments as they are defined, those made last first."""
        return self.list(request)

    @extend_schema(operation_id="make_experiment", tags=["analytics"])
    def post(self, request: Request) -> Response:
        """Make an experiment with its metrics."""
        refuse_parameters(request)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            made = _made(project_id_of(request), serializer.validated_data)
        except ExperimentError as error:
            raise BadRequest(str(error), code="invalid") from None
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)


class ExperimentView(APIView):
    throttle_classes = [KeyRateThrottle]

    @extend_schema(
        operation_id="experiment",
        tags=["analytics"],
        parameters=[ResultsParameters],
        responses={200: ResultsSerializer},
    )
    def get(self, request: Request, slug: str) -> Response:
        """What the experiment says: each variant's figures, how sure they are, and what speaks against them."""
        parameters = ResultsParameters(data=request.query_params.dict())
        refuse_parameters(request, parameters.fields)
        parameters.is_valid(raise_exception=True)
        definition = _experiment(project_id_of(request), slug)
        given = parameters.validated_data
        question = question_of(definition, timezone.now(), given.get("start"), given.get("end"))
        with in_time():
            return Response(answer(evaluate(definition, question)))


def question_of(
    definition: Definition, now: datetime, start: datetime | None = None, end: datetime | None = None
) -> Question:
    """Raises BadRequest for a start that isn't before the end."""
    if start and end and start >= end:
        raise BadRequest("start must be before end.", code="invalid")
    # No event is taken that lies further ahead.
    last = min(end or definition.end(now), now + timedelta(hours=1))
    return Question(start or definition.starts_at, last, now)


def _experiment(project_id: int, slug: str) -> Definition:
    try:
        found = None if "\0" in slug else experiment_named(project_id, slug)
    except ExperimentError as error:
        raise BadRequest(str(error), code="invalid_experiment") from None
    if found is None:
        raise NotFound("This project has no such experiment.")
    return found


def _made(project_id: int, given: dict[str, Any]) -> Experiment:
    """Raises ExperimentError, and ValidationError for a slug that is taken."""
    metrics = given.pop("metrics")
    given.setdefault("exposure", exposure_of(given["slug"]))
    experiment = Experiment(project_id=project_id, **given)
    rows = [ExperimentMetric(position=number, **metric) for number, metric in enumerate(metrics)]
    definition_of(experiment, rows)
    try:
        with transaction.atomic():
            experiment.save()
            for row in rows:
                # One by one, as the audit log hears of nothing else.
                row.experiment = experiment
                row.save()
    except IntegrityError:
        raise serializers.ValidationError(
            {"slug": ["This project has an experiment of this slug."]}
        ) from None
    return experiment

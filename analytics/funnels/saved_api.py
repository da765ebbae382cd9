"""`GET`, `POST /api/v1/analytics/funnels/` and `GET /api/v1/analytics/funnels/{slug}/`."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import generics, mixins, serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics.funnels.parsing import parse_funnel
from analytics.funnels.saving import checked, keep
from analytics.funnels.schemas import ANSWER, SAVED_QUESTION
from analytics.in_time import in_time
from analytics.matchers import MatcherError
from analytics.models.funnels import SavedFunnel
from projects.api.authentication import KeyRateThrottle, project_id_of
from projects.api.errors import BadRequest
from projects.api.filters import StrictFilterBackend, refuse_parameters
from projects.api.pagination import KeysetPagination
from projects.api.parsers import StrictJsonParser
from projects.api.serializers import StrictSerializer
from projects.api.summaries import TimeParameter
from storage.values import has_nul


@extend_schema_field(SAVED_QUESTION)
class QuestionField(serializers.JSONField):
    """A funnel's question without its range; every error names the key that is wrong."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict) or has_nul(data):
            raise serializers.ValidationError("Must be an object without NULs.")
        try:
            return checked(data)
        except MatcherError as error:
            raise serializers.ValidationError(str(error)) from None


class SavedFunnelSerializer(StrictSerializer, serializers.ModelSerializer[SavedFunnel]):
    """A saved funnel; its slug is made of its name."""

    question = QuestionField(help_text="As `analytics/funnel/` takes it, without start and end.")

    class Meta:
        model = SavedFunnel
        fields = ["slug", "name", "description", "question", "is_recorded", "recorded_days", "created_at"]
        read_only_fields = ["slug", "created_at"]


class AnswerParameters(serializers.Serializer[Any]):
    """The query parameters of one funnel."""

    start = TimeParameter(required=False, help_text="RFC 3339 or a Unix number; all that is kept by default.")
    end = TimeParameter(required=False, help_text="Events before it; none is left out by default.")


class SavedFunnelsView(mixins.ListModelMixin, generics.GenericAPIView[SavedFunnel]):
    """Saved funnels of the key's project. Reading takes the scope `read`, saving one `manage`."""

    keyset = ("created_at", "id")
    serializer_class = SavedFunnelSerializer
    parser_classes = [StrictJsonParser]
    pagination_class = KeysetPagination
    filter_backends = [StrictFilterBackend]
    throttle_classes = [KeyRateThrottle]

    def get_queryset(self) -> QuerySet[SavedFunnel]:
        if getattr(self, "swagger_fake_view", False):
            return SavedFunnel.objects.none()
        return SavedFunnel.objects.filter(project=project_id_of(self.request))

    @extend_schema(operation_id="saved_funnels", tags=["analytics"])
    def get(self, request: Request) -> Response:
        """Funnels as they were saved, the newest first."""
        return self.list(request)

    @extend_schema(operation_id="save_funnel", tags=["analytics"])
    def post(self, request: Request) -> Response:
        """Save a funnel under a name."""
        refuse_parameters(request)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        funnel = SavedFunnel(**serializer.validated_data)
        keep(funnel, project_id_of(request), None)
        return Response(self.get_serializer(funnel).data, status=status.HTTP_201_CREATED)


class SavedFunnelView(APIView):
    """One of them, answered."""

    throttle_classes = [KeyRateThrottle]

    @extend_schema(
        operation_id="saved_funnel",
        tags=["analytics"],
        parameters=[AnswerParameters],
        responses={200: OpenApiResponse(ANSWER, description="The funnel's figures.")},
    )
    def get(self, request: Request, slug: str) -> Response:
        """What a saved funnel says of a time range."""
        # numpy takes 20 MB, which no web process should hold before somebody asks for a funnel.
        from analytics.funnels.answers import answer

        parameters = AnswerParameters(data=request.query_params.dict())
        refuse_parameters(request, parameters.fields)
        parameters.is_valid(raise_exception=True)
        project_id = project_id_of(request)
        times = {name: time.isoformat() for name, time in parameters.validated_data.items() if time}
        try:
            funnel = parse_funnel({**_question(project_id, slug), **times})
        except MatcherError as error:
            raise BadRequest(str(error), code="invalid") from None
        with in_time():
            return Response(answer(project_id, funnel))


def _question(project_id: int, slug: str) -> dict[str, Any]:
    """Raises NotFound."""
    found = None if "\0" in slug else SavedFunnel.objects.filter(project=project_id, slug=slug).first()
    if found is None:
        raise NotFound("This project has no saved funnel of this slug.")
    question: dict[str, Any] = found.question
    return question

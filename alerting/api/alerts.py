from __future__ import annotations

from typing import Any

import django_filters
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from drf_spectacular.plumbing import resolve_type_hint
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from alerting import actions
from alerting.api.base import AlertingViewSet, FiniteFloatField, actor_of
from alerting.models import Alert, Severity, Status, Transition
from alerting.policy.muting import ActiveMutes
from alerting.why.answers import Chain
from alerting.why.chain import chain_of
from projects.api.filters import ProjectFilterSet, TimeFilter
from projects.api.serializers import StrictSerializer

MAX_NOTE = 2000
CHAIN_SCHEMA = resolve_type_hint(Chain)  # type: ignore[no-untyped-call]  # drf-spectacular is typed in parts


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "already_handled"


class TransitionSerializer(serializers.ModelSerializer[Transition]):
    """A line of the timeline; notes and assignments have no statuses."""

    to = serializers.CharField(source="to_status")

    class Meta:
        model = Transition
        fields = ["at", "kind", "to", "actor", "reason"]

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` is a keyword, so it can't be declared as an attribute.
        return {**super().get_fields(), "from": serializers.CharField(source="from_status")}


class AlertSerializer(serializers.ModelSerializer[Alert]):
    project = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    assigned_to = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    value = FiniteFloatField(allow_null=True)
    peak_value = FiniteFloatField(allow_null=True)
    is_silenced = serializers.SerializerMethodField()

    class Meta:
        model = Alert
        fields = [
            "id",
            "rule",
            "rule_name",
            "project",
            "status",
            "severity",
            "labels",
            "value",
            "peak_value",
            "threshold",
            "pending_since",
            "triggered_at",
            "acknowledged_at",
            "acknowledged_by",
            "assigned_to",
            "resolved_at",
            "is_silenced",
        ]

    def get_is_silenced(self, alert: Alert) -> bool:
        """Computed from silences and maintenance windows, never stored."""
        return self._mutes.is_silenced(alert)

    @cached_property
    def _mutes(self) -> ActiveMutes:
        """Loaded once for all alerts of an answer."""
        return ActiveMutes(timezone.now())


class AlertDetailSerializer(AlertSerializer):
    timeline = TransitionSerializer(source="transitions", many=True, read_only=True)

    class Meta(AlertSerializer.Meta):
        fields = [*AlertSerializer.Meta.fields, "timeline"]


class OptionalNoteSerializer(StrictSerializer):
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=MAX_NOTE)


class NoteSerializer(StrictSerializer):
    note = serializers.CharField(max_length=MAX_NOTE)


class AssigneeSerializer(StrictSerializer):
    assignee = serializers.CharField(allow_blank=True, max_length=150)


class AlertFilterSet(ProjectFilterSet):
    """`start <= pending_since < end`, because every alert has that time."""

    start = TimeFilter(field_name="pending_since", lookup_expr="gte")
    end = TimeFilter(field_name="pending_since", lookup_expr="lt")
    status = django_filters.ChoiceFilter(choices=Status.choices)
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    rule = django_filters.NumberFilter(field_name="rule_id")

    class Meta:
        model = Alert
        fields: list[str] = []


class AlertViewSet(AlertingViewSet):
    """Alerts of the key's project, newest first; what people do to them takes the scope `manage`."""

    model = Alert
    keyset = ("pending_since", "id")
    serializer_class = AlertSerializer
    filterset_class = AlertFilterSet

    def get_queryset(self) -> QuerySet[Alert]:
        return super().get_queryset().select_related("project", "assigned_to")

    @extend_schema(responses=AlertDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        return self._answer()

    @extend_schema(request=OptionalNoteSerializer, responses=AlertDetailSerializer)
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Stop repeats and escalation for this episode. Once more changes nothing; 409 where it is resolved."""
        note = self._body(OptionalNoteSerializer)["note"]
        return self._act(actions.acknowledge, wanted=Status.ACKNOWLEDGED, note=note)

    @extend_schema(request=OptionalNoteSerializer, responses=AlertDetailSerializer)
    def resolve(self, request: Request, pk: str) -> Response:
        """End the episode by hand. Once more changes nothing."""
        note = self._body(OptionalNoteSerializer)["note"]
        return self._act(actions.resolve, wanted=Status.RESOLVED, note=note)

    @extend_schema(request=AssigneeSerializer, responses=AlertDetailSerializer)
    def assign(self, request: Request, pk: str) -> Response:
        """Give the alert an owner; an empty name takes it away."""
        assignee = self._body(AssigneeSerializer)["assignee"]
        return self._act(actions.assign, assignee_username=assignee)

    @extend_schema(request=NoteSerializer, responses=AlertDetailSerializer)
    def note(self, request: Request, pk: str) -> Response:
        """Write a note into the timeline."""
        return self._act(actions.add_note, note=self._body(NoteSerializer)["note"])

    @extend_schema(responses={200: CHAIN_SCHEMA})
    def why(self, request: Request, pk: str) -> Response:
        """The whole chain: what led to each change, who was told and who was not and why, what people did."""
        return Response(chain_of(self.get_object(), timezone.now(), settings.PUBLIC_URL))

    def _body(self, serializer_class: type[StrictSerializer]) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        body: dict[str, Any] = serializer.validated_data
        return body

    def _act(self, action: Any, *, wanted: Status | None = None, **arguments: Any) -> Response:
        alert = self.get_object()
        try:
            action(alert.pk, actor=actor_of(self.request), now=timezone.now(), **arguments)
        except actions.AlreadyHandled as error:
            if error.status != wanted:
                raise Conflict(str(error)) from None
        except actions.UnknownAssignee as error:
            raise serializers.ValidationError({"assignee": [str(error)]}) from None
        return self._answer()

    def _answer(self) -> Response:
        return Response(AlertDetailSerializer(self.get_object()).data)

"""`GET` and `PUT /api/v1/retention/`: how long the key's project keeps what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from projects.api.authentication import KeyRateThrottle, identity_of, project_id_of
from projects.api.filters import refuse_parameters
from projects.api.parsers import StrictJsonParser
from projects.api.serializers import StrictSerializer
from projects.models import MAX_RETENTION_DAYS, RetentionPolicy
from projects.retention import FOR_EVER, Kind, forget_cached_policies

Names = tuple[str, str]
"""Of a kind's days in the JSON: the object and its key."""

NAMES: Final[Mapping[Kind, Names]] = {
    "events": ("events", "raw_days"),
    "metrics": ("metrics", "raw_days"),
    "business": ("business_metrics", "raw_days"),
    "traces": ("traces", "raw_days"),
    "rollup_minutes": ("rollups", "minutes_days"),
    "rollup_hours": ("rollups", "hours_days"),
    "rollup_days": ("rollups", "days_days"),
    "alerts": ("alerts", "days"),
    "audit": ("audit", "days"),
}
ROLLED_UP: Final[tuple[Kind, ...]] = ("events", "metrics", "traces")
TIERS: Final[tuple[Kind, ...]] = ("rollup_minutes", "rollup_hours", "rollup_days")


class DaysField(serializers.IntegerField):
    """A whole number of days; null keeps for ever."""

    default_error_messages = {
        "wrong": f"Must be a whole number of days from 1 to {MAX_RETENTION_DAYS}, or null to keep for ever."
    }

    def __init__(self, help_text: str = "") -> None:
        super().__init__(
            required=False,
            allow_null=True,
            min_value=1,
            max_value=MAX_RETENTION_DAYS,
            help_text=help_text or "Days; null keeps for ever.",
        )

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int) or not 1 <= data <= MAX_RETENTION_DAYS:
            self.fail("wrong")
        return data


class RawRetentionSerializer(StrictSerializer):
    raw_days = DaysField("Days that every single record is kept; null keeps for ever.")


class RollupRetentionSerializer(StrictSerializer):
    """Of events, metrics and spans; each tier lives at least as long as the raw data it was made from."""

    minutes_days = DaysField("Counts, sums and percentiles per minute; null keeps for ever.")
    hours_days = DaysField("The same per hour; null keeps for ever.")
    days_days = DaysField("The same per day, and distinct users; null keeps for ever.")


class OtherRetentionSerializer(StrictSerializer):
    days = DaysField()


class RetentionPolicySerializer(StrictSerializer):
    """What isn't named stays as it is."""

    events = RawRetentionSerializer(required=False)
    metrics = RawRetentionSerializer(required=False)
    business_metrics = RawRetentionSerializer(required=False)
    traces = RawRetentionSerializer(required=False)
    rollups = RollupRetentionSerializer(required=False)
    alerts = OtherRetentionSerializer(required=False, help_text="Resolved alerts.")
    audit = OtherRetentionSerializer(required=False, help_text="Who changed which setting.")


class RetentionView(APIView):
    """How long the key's project keeps what."""

    scopes = {"GET": "manage", "HEAD": "manage", "PUT": "manage"}
    throttle_classes = [KeyRateThrottle]
    parser_classes = [StrictJsonParser]

    @extend_schema(operation_id="retention", tags=["retention"], responses={200: RetentionPolicySerializer})
    def get(self, request: Request) -> Response:
        """Days kept of each kind of data; null keeps for ever."""
        refuse_parameters(request)
        policy = RetentionPolicy.objects.filter(project_id=project_id_of(request)).first()
        return Response(as_json(policy or RetentionPolicy()))

    @extend_schema(
        operation_id="change_retention",
        tags=["retention"],
        request=RetentionPolicySerializer,
        responses={200: RetentionPolicySerializer},
    )
    def put(self, request: Request) -> Response:
        """Change what is named; what isn't named stays as it is.

        Raw data with an older time is refused from now on, and deleted by the next purge. A tier of roll-ups outlives
        its own days where raw data is kept for longer; changing it to less than the longest raw data is 400.
        """
        refuse_parameters(request)
        serializer = RetentionPolicySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        identity = identity_of(request)
        with transaction.atomic():
            policy = _locked(project_id_of(request))
            policy.changed_by_key_id = identity.key_id if identity else None
            _change(policy, _given(serializer.validated_data))
        forget_cached_policies()
        return Response(as_json(policy))


def as_json(policy: RetentionPolicy) -> dict[str, dict[str, int | None]]:
    """All days of a policy by their names in the JSON."""
    found: dict[str, dict[str, int | None]] = {}
    for kind, (outer, inner) in NAMES.items():
        found.setdefault(outer, {})[inner] = getattr(policy, f"{kind}_days")
    return found


def _locked(project_id: int) -> RetentionPolicy:
    """The project's policy, until the transaction ends; made where there is none yet."""
    RetentionPolicy.objects.get_or_create(project_id=project_id)
    return RetentionPolicy.objects.select_for_update().get(project_id=project_id)


def _given(validated: Mapping[str, Mapping[str, int | None]]) -> dict[Kind, int | None]:
    return {
        kind: validated[outer][inner]
        for kind, (outer, inner) in NAMES.items()
        if inner in validated.get(outer, {})
    }


def _change(policy: RetentionPolicy, given: Mapping[Kind, int | None]) -> None:
    """Raises ValidationError for a tier of roll-ups that is to be shorter than raw data."""
    before = {kind: getattr(policy, f"{kind}_days") for kind in NAMES}
    after = {**before, **given}
    longest = max(ROLLED_UP, key=lambda kind: _comparable(after[kind]))
    for kind in TIERS:
        # An answer of GET may be sent back as it is, whatever was entered in the admin.
        if after[kind] != before[kind] and _comparable(after[kind]) < _comparable(after[longest]):
            outer, inner = NAMES[kind]
            raise serializers.ValidationError(
                {outer: {inner: [f"Roll-ups can't go before raw data: {_kept(longest, after[longest])}"]}}
            )
    for kind, days in given.items():
        setattr(policy, f"{kind}_days", days)
    policy.save()


def _comparable(days: int | None) -> int:
    return FOR_EVER if days is None else days


def _kept(kind: Kind, days: int | None) -> str:
    name = ".".join(NAMES[kind])
    return f"{name} is null, which keeps for ever." if days is None else f"{name} is {days}."

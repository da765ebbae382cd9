"""`POST /api/v1/alert-rules/backtest/`: what a rule would have done, without saving it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from alerting.api.rules import RuleSerializer, RuleViewSet
from alerting.backtest.answers import answer
from alerting.backtest.errors import Busy, PeriodError, TooMuch
from alerting.backtest.run import backtest
from alerting.models import Rule
from alerting.rule_types.conditions import Condition
from alerting.rules import RuleError, check_rule
from projects.api.authentication import project_id_of
from projects.api.errors import BadRequest, TryAgain
from storage.times import from_unix, parse_time


@extend_schema_field({"oneOf": [{"type": "string", "format": "date-time"}, {"type": "number"}]})
class MomentField(serializers.Field[datetime, Any, Any, Any]):
    """RFC 3339 (no zone = UTC) or a Unix number."""

    def to_internal_value(self, data: object) -> datetime:
        if isinstance(data, bool) or not isinstance(data, (str, int, float)):
            raise serializers.ValidationError("Must be an RFC 3339 time or a Unix number.")
        try:
            return parse_time(data) if isinstance(data, str) else from_unix(data)
        except (ValueError, OverflowError) as error:
            raise serializers.ValidationError(str(error)) from None


class BacktestRequest(RuleSerializer):
    """A rule as for creating it, and the period: inside the retention of what it watches, nothing of the future."""

    start = MomentField(help_text="First evaluation.")
    end = MomentField(help_text="The last evaluation is not later.")

    class Meta(RuleSerializer.Meta):
        fields = [*RuleSerializer.Meta.fields, "start", "end"]

    def checked_rule(self) -> tuple[Rule, Condition]:
        """A rule that could be saved. Raises ValidationError by field, as creating it would."""
        values = dict(self.validated_data)
        channels = values.pop("channels", [])
        del values["start"], values["end"]
        rule = Rule(project_id=project_id_of(self.context["request"]), **values)
        try:
            return rule, check_rule(rule, channels)
        except RuleError as error:
            raise serializers.ValidationError(error.errors) from None


class SumSerializer(serializers.Serializer[Any]):
    fires = serializers.IntegerField(help_text="How often an alert fired.")
    messages = serializers.IntegerField(
        help_text="What one channel would have got: firing, resolved, raised."
    )
    minutes_firing = serializers.FloatField(help_text="Over all label sets together.")


class BacktestTransitionSerializer(serializers.Serializer[Any]):
    """`kind` is `status`, or `severity` where an alert rose to critical or fell back."""

    at = serializers.DateTimeField()
    labels = serializers.DictField(child=serializers.CharField())
    kind = serializers.ChoiceField(["status", "severity"])
    value = serializers.FloatField(allow_null=True)
    reason = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` is no name of Python's."""
        return {**super().get_fields(), "from": serializers.CharField(), "to": serializers.CharField()}


class DaySerializer(SumSerializer):
    date = serializers.DateField(help_text="UTC")


class LabelSetSerializer(SumSerializer):
    labels = serializers.DictField(child=serializers.CharField())


class ThresholdSerializer(SumSerializer):
    threshold = serializers.FloatField()


class BacktestSerializer(SumSerializer):
    """What the rule would have done. `curve`: the same by threshold; empty for rules without one."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    step_seconds = serializers.FloatField(help_text="The rule's interval, longer where the period is long.")
    evaluation_count = serializers.IntegerField()
    transitions = BacktestTransitionSerializer(many=True)
    transitions_truncated = serializers.IntegerField(help_text="How many more there were.")
    per_day = DaySerializer(many=True)
    per_label_set = LabelSetSerializer(many=True)
    curve = ThresholdSerializer(many=True)
    notes = serializers.ListField(child=serializers.CharField(), help_text="What is not as in production.")


class BacktestViewSet(RuleViewSet):
    """Takes the scope `read`: nothing is changed, and nothing shown that such a key could not read."""

    scopes = {"POST": "read"}
    serializer_class = BacktestRequest

    @extend_schema(
        request=BacktestRequest,
        responses={
            200: BacktestSerializer,
            429: OpenApiResponse(description="Another backtest of this project is under way."),
        },
    )
    def backtest(self, request: Request) -> Response:
        """Replay a rule over stored telemetry: when it would have fired, for how long, how many messages.

        One at a time in a project, and 20 s at most.
        """
        body = BacktestRequest(data=request.data, context=self.get_serializer_context())
        body.is_valid(raise_exception=True)
        rule, condition = body.checked_rule()
        given = body.validated_data
        try:
            found = backtest(rule, condition, given["start"], given["end"], timezone.now())
        except PeriodError as error:
            raise serializers.ValidationError(error.errors) from None
        except TooMuch as error:
            raise BadRequest(str(error), code="too_costly") from None
        except Busy as error:
            raise TryAgain(str(error)) from None
        return Response(answer(found))

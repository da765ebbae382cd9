"""What the API says of journeys."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from events.columns import columns_in_words, is_column
from projects.api.errors import BadRequest
from projects.api.pagination import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from projects.api.serializers import StrictParameters
from projects.api.summaries import TimeParameter


def _minutes(help_text: str = "") -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=help_text)


class TtfSerializer(serializers.Serializer[Any]):
    """Minutes of each stage, from the milestone before; null where it isn't reached."""

    user_id = serializers.CharField()
    ttf_project_minutes = _minutes("From signing up to the first project; target 5.")
    ttf_agent_minutes = _minutes("On to the first agent; target 10.")
    ttf_workflow_minutes = _minutes("On to the first workflow; target 15.")
    ttf_success_minutes = _minutes("On to the first success; target 30.")
    ttf_complete_minutes = _minutes("From signing up to the first success; target 60.")
    ttf_efficiency_score = _minutes("0 to 100: weight x min(1, target / actual) over the stages reached.")


class MilestoneSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()
    target_minutes = _minutes("From the milestone before.")
    weight = serializers.FloatField()


class ReachedMilestoneSerializer(MilestoneSerializer):
    reached_at = serializers.DateTimeField(allow_null=True)
    minutes = _minutes("From the latest milestone before that was reached by then.")
    is_within_target = serializers.BooleanField(allow_null=True)


class PersonSerializer(serializers.Serializer[Any]):
    """One person on a journey."""

    user_id = serializers.CharField()
    journey = serializers.CharField(help_text="Slug.")
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    complete_minutes = _minutes("From the first milestone to the last.")
    target_minutes = serializers.FloatField()
    efficiency_score = _minutes("0 to 100; null before the first milestone.")
    efficiency_definition = serializers.CharField()
    waits_for = serializers.CharField(allow_null=True, help_text="Key of the next milestone, on the way.")
    waiting_minutes = _minutes("Since the last milestone reached, on the way.")
    milestones = ReachedMilestoneSerializer(many=True)


class FiguresSerializer(serializers.Serializer[Any]):
    people = serializers.IntegerField(help_text="Who began.")
    completed = serializers.IntegerField()
    completion_ratio = serializers.FloatField(allow_null=True)
    efficiency_score = _minutes("Mean of the scores of all who began.")
    median_minutes = _minutes("Of completions; the mean of the middle two.")
    mean_minutes = _minutes()
    p90_minutes = _minutes()


class WaitingSerializer(serializers.Serializer[Any]):
    people = serializers.IntegerField(help_text="Who waits for this milestone now.")
    followed = serializers.IntegerField(
        help_text="Those of them who began within the time the journey follows."
    )
    median_minutes = _minutes("Since their last milestone.")
    longest_minutes = _minutes()


class StageSerializer(MilestoneSerializer):
    reached = serializers.IntegerField()
    reached_ratio = serializers.FloatField(allow_null=True)
    median_minutes = _minutes()
    mean_minutes = _minutes()
    p90_minutes = _minutes()
    within_target_ratio = serializers.FloatField(allow_null=True, help_text="Of those who reached it.")
    waiting = WaitingSerializer()


class BinSerializer(serializers.Serializer[Any]):
    from_minutes = serializers.FloatField()
    to_minutes = _minutes("Null: no end.")
    people = serializers.IntegerField()


class WeekSerializer(FiguresSerializer):
    week = serializers.DateField(help_text="Monday, UTC.")


class JourneySegmentSerializer(FiguresSerializer):
    segment = serializers.CharField(allow_null=True)


class JourneySerializer(FiguresSerializer):
    """A journey over everybody who began in the period."""

    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    target_minutes = serializers.FloatField()
    efficiency_definition = serializers.CharField()
    milestones = StageSerializer(many=True, help_text="The first one begins the journey.")
    distribution = BinSerializer(many=True, help_text="Completions by minutes.")
    weeks = WeekSerializer(many=True, help_text="By the week in which people began.")
    segments = JourneySegmentSerializer(
        many=True, allow_null=True, help_text="With `segment`, the largest first."
    )
    segments_truncated = serializers.BooleanField()


class WaitingPersonSerializer(serializers.Serializer[Any]):
    user_id = serializers.CharField()
    waits_for = serializers.CharField(help_text="Key of the milestone.")
    started_at = serializers.DateTimeField()
    waiting_minutes = serializers.FloatField(help_text="Since their last milestone.")
    is_followed = serializers.BooleanField(
        help_text="Counted by `open_minutes`: began no longer ago than the journey follows people."
    )


class WaitingPeopleSerializer(serializers.Serializer[Any]):
    """People on the way."""

    journey = serializers.CharField(help_text="Slug.")
    results = WaitingPersonSerializer(many=True)
    results_truncated = serializers.BooleanField(help_text="There are more than `page_size`.")


class PeriodParameters(StrictParameters):
    """Who is looked at."""

    start = TimeParameter(required=False, help_text="Who began at this time or later; everybody by default.")
    end = TimeParameter(required=False, help_text="Who began before.")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        start, end = given.get("start"), given.get("end")
        if start and end and start >= end:
            raise BadRequest("start must be before end.", code="invalid")
        return given


class JourneyParameters(PeriodParameters):
    """The query parameters of a journey."""

    segment = serializers.CharField(
        required=False,
        help_text="A column of the event that people began with, such as tenant_id or properties.plan: the figures "
        "once more for each of its values.",
    )

    def validate_segment(self, name: str) -> str:
        if not is_column(name) or "\0" in name:
            raise serializers.ValidationError(f"{name[:100]!r} is not one of {columns_in_words()}.")
        return name


class WaitingParameters(PeriodParameters):
    """The query parameters of a journey's `waiting/`."""

    waits_for = serializers.CharField(required=False, help_text="Key of a milestone: only who waits for it.")
    page_size = serializers.IntegerField(default=DEFAULT_PAGE_SIZE, min_value=1, max_value=MAX_PAGE_SIZE)

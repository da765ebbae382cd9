"""What the API is asked about usage, and what it says."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from analytics.usage.periods import PERIOD_NAMES
from analytics.usage.question import MAX_PERIODS
from events.columns import columns_in_words, is_column
from projects.api.pagination import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from projects.api.serializers import StrictParameters
from projects.api.summaries import TimeParameter

MAX_NAME = 1000
MAX_PAGE = 10_000_000
"""Of the largest pages there can't be more: numbers of people have four bytes."""


def _event(help_text: str) -> serializers.CharField:
    return serializers.CharField(
        required=False, max_length=MAX_NAME, trim_whitespace=False, help_text=help_text
    )


def _count(help_text: str = "") -> serializers.IntegerField:
    return serializers.IntegerField(help_text=help_text)


def _ratio(help_text: str = "") -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=help_text)


class RangeParameters(StrictParameters):
    """The query parameters that every question has."""

    start = TimeParameter(
        required=False,
        help_text="RFC 3339 or a Unix number; 30 days, 12 weeks or a year before the end by default. Start and end are "
        "widened to whole periods in UTC.",
    )
    end = TimeParameter(required=False, help_text="Now by default.")


class ActiveParameters(RangeParameters):
    event_name = _event("Only events of this name make somebody active; any event by default.")


class _PeriodParameter(StrictParameters):
    period = serializers.ChoiceField(PERIOD_NAMES, default="week", help_text="Weeks begin on Monday.")


class PeriodParameters(RangeParameters, _PeriodParameter):
    pass


class _CohortParameters(_PeriodParameter):
    cohort_event = _event(
        "The first event of this name puts somebody into a cohort; the first of all by default."
    )
    returning_event = _event("Who does this has come back; whoever does anything by default.")


class RetentionParameters(RangeParameters, _CohortParameters):
    pass


class RetentionPeopleParameters(_CohortParameters):
    cohort = TimeParameter(help_text="A time in the period in which they began.")
    later = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_PERIODS,
        help_text="Who came back so many periods later; the whole cohort by default.",
    )
    page = serializers.IntegerField(default=1, min_value=1, max_value=MAX_PAGE)
    page_size = serializers.IntegerField(default=DEFAULT_PAGE_SIZE, min_value=1, max_value=MAX_PAGE_SIZE)


class LifecycleParameters(PeriodParameters):
    event_name = _event("Only events of this name count; any event by default.")


class AdoptionParameters(PeriodParameters):
    pass


class FeatureParameters(PeriodParameters):
    segment = serializers.CharField(
        required=False,
        max_length=MAX_NAME,
        help_text="A column, `tags.<key>` or `properties.<key>`, such as tenant_id: adoption by its values.",
    )

    def validate_segment(self, name: str) -> str:
        if not is_column(name):
            raise serializers.ValidationError(f"{name[:100]!r} is not one of {columns_in_words()}.")
        return name


class ActiveDaySerializer(serializers.Serializer[Any]):
    day = serializers.DateTimeField(help_text="Its beginning in UTC.")
    daily = _count("People with an event on this day.")
    weekly = _count("People with an event on one of the 7 days that end with it.")
    monthly = _count("People with an event on one of the 30 days that end with it.")
    stickiness_ratio = _ratio("daily / monthly.")


class _RangeSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField(help_text="Beginning of the first period.")
    end = serializers.DateTimeField(help_text="End of the last period, which may still run.")
    definition = serializers.CharField(help_text="What exactly is counted.")


class ActiveSerializer(_RangeSerializer):
    """Active people by day."""

    days = ActiveDaySerializer(many=True)


class CohortSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField(help_text="Beginning of the period in which they began.")
    people = _count()
    returned = serializers.ListField(
        child=serializers.IntegerField(), help_text="Who came back n periods later."
    )
    ratios = serializers.ListField(child=serializers.FloatField(allow_null=True), help_text="Of the people.")


class CohortAverageSerializer(serializers.Serializer[Any]):
    period = _count("How many periods later.")
    ratio = _ratio("Who came back / people, of all cohorts for which this period is over.")


class RetentionSerializer(_RangeSerializer):
    """A cohort for each period, and all of them together."""

    period = serializers.ChoiceField(PERIOD_NAMES)
    cohorts = CohortSerializer(many=True)
    averages = CohortAverageSerializer(many=True)


class RetentionPersonSerializer(serializers.Serializer[Any]):
    user_id = serializers.CharField(help_text="Or the anonymous id of somebody who has none.")


class RetentionPeopleSerializer(serializers.Serializer[Any]):
    """Who is behind a number of the retention table.

    The order stays once its hours are rolled up; before, and while ids are merged, pages may shift.
    """

    period = serializers.ChoiceField(PERIOD_NAMES)
    cohort = serializers.DateTimeField(help_text="Beginning of the period in which they began.")
    later = serializers.IntegerField(allow_null=True)
    start = serializers.DateTimeField(help_text="Beginning of the period in which they came back.")
    end = serializers.DateTimeField(help_text="Its end.")
    count = _count("In all.")
    next = serializers.URLField(allow_null=True, help_text="The next page.")
    results = RetentionPersonSerializer(many=True)


class LifecyclePeriodSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    new = _count("Their very first event lies in this period.")
    returning = _count("There in this period and the one before.")
    resurrecting = _count("There in this period, not in the one before, but earlier.")
    dormant = _count("There in the period before, not in this one.")


class LifecycleSerializer(_RangeSerializer):
    """People by what they are in each period."""

    period = serializers.ChoiceField(PERIOD_NAMES)
    periods = LifecyclePeriodSerializer(many=True)


class AdoptionPeriodSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    people = _count("Who used the feature.")
    active = _count("Who did anything.")
    adoption_ratio = _ratio("people / active.")


class FeatureSharesSerializer(serializers.Serializer[Any]):
    """A feature's adoption in the whole range, and in each of its periods."""

    slug = serializers.CharField()
    name = serializers.CharField()
    people = _count("Who used the feature.")
    active = _count("Who did anything.")
    adoption_ratio = _ratio("people / active.")
    periods = AdoptionPeriodSerializer(many=True)


class AdoptionSerializer(_RangeSerializer):
    """All features of the project."""

    period = serializers.ChoiceField(PERIOD_NAMES)
    features = FeatureSharesSerializer(many=True)


class DayBinSerializer(serializers.Serializer[Any]):
    from_days = _count()
    to_days = serializers.IntegerField(allow_null=True, help_text="Null: no end.")
    people = _count()


class TimeToAdoptSerializer(serializers.Serializer[Any]):
    new_people = _count("First seen in the range.")
    adopted = _count("Of those, who used the feature in it.")
    median_days = _ratio("From the UTC day they were first seen to the day of their first use.")
    distribution = DayBinSerializer(many=True)


class DropOffSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField(help_text="Beginning of the last whole period of the range.")
    people = _count("Who used the feature in the range before it.")
    dropped = _count("Of those, who did not use it in that period.")
    still_active = _count("Of the dropped, who did something else in it.")
    drop_off_ratio = _ratio("dropped / people.")


class FeatureSegmentSerializer(serializers.Serializer[Any]):
    segment = serializers.CharField(allow_null=True, help_text="The value; null of events without any.")
    people = _count("Who used the feature in an event of this value.")
    active = _count("Who has any event of this value.")
    adoption_ratio = _ratio("people / active.")


class FeatureSerializer(FeatureSharesSerializer, _RangeSerializer):
    """One feature, with the time it takes and who drops it."""

    period = serializers.ChoiceField(PERIOD_NAMES)
    description = serializers.CharField()
    time_to_adopt = TimeToAdoptSerializer()
    drop_off = DropOffSerializer(
        allow_null=True, help_text="Null where the range has no whole period with one before it."
    )
    segments = FeatureSegmentSerializer(
        many=True,
        allow_null=True,
        help_text="With `segment`, those with most people first; from raw events of the range.",
    )
    segments_truncated = serializers.BooleanField()

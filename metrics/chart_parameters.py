"""What a chart is asked for: query parameters, and the whole buckets they stand for. Pure: `now` is passed in."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from rest_framework import serializers

from metrics.charting import AGGREGATIONS
from metrics.filters import MetricSeriesFilterSet
from metrics.lines import EVERY_LABEL
from projects.api.errors import BadRequest
from projects.api.summaries import FilterParameter, TimeParameter
from projects.api.windows import AUTO, refuse_more_buckets, whole_buckets
from storage.rollups.windows import Window

AUTO_INTERVALS = ("1m", "5m", "15m", "1h", "6h", "1d")
AUTO_BUCKETS = 400
"""`auto` takes the shortest of its intervals with at most so many buckets: more are hardly told apart on a screen."""

MAX_BUCKETS = 1000
MAX_GROUP_BY = 20

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_INTERVAL = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)


class IntervalParameter(serializers.RegexField):
    """`auto` or a number of minutes, hours or days."""

    def __init__(self) -> None:
        super().__init__(
            f"^({AUTO}|{_INTERVAL.pattern})$",
            default=AUTO,
            error_messages={"invalid": f"Write {AUTO}, or minutes, hours or days as 5m, 6h or 1d."},
            help_text=f"Length of a bucket: 1m, 5m, 6h, 1d, ...; `{AUTO}`: at most {AUTO_BUCKETS} buckets.",
        )


class ChartParameters(serializers.Serializer[Any]):
    """The query parameters of a chart. `tags.<label>` filters as in the lists of points and series."""

    metric_name = serializers.CharField(trim_whitespace=False)
    start = TimeParameter(
        required=False,
        help_text="RFC 3339 or a Unix number; 24 hours before the end by default. Both are widened to whole buckets.",
    )
    end = TimeParameter(required=False, help_text="Now by default.")
    interval = IntervalParameter()
    aggregation = serializers.ChoiceField(
        AGGREGATIONS,
        default="avg",
        help_text="What each bucket's points become. Percentiles are within 1 %; `rate` is per second, a fall of the "
        "counter being a reset.",
    )
    group_by = serializers.CharField(
        default="",
        allow_blank=True,
        help_text=f"Labels with commas between them: a line for each set of their values; `{EVERY_LABEL}`: a line a "
        "series; nothing: one line.",
    )
    metric_type = FilterParameter()
    metric_unit = FilterParameter()
    service_name = FilterParameter()
    host_name = FilterParameter()
    instance_id = FilterParameter()

    def to_internal_value(self, data: Any) -> Any:
        for name, value in data.items():
            if name not in self.fields and not (
                name.startswith("tags.") and MetricSeriesFilterSet.knows(name)
            ):
                raise BadRequest(f"Unknown query parameter {name[:100]!r}.", code="unknown_parameter")
            if "\0" in name or "\0" in value:
                raise BadRequest("A query parameter has a NUL.", code="invalid")
        return super().to_internal_value(data)

    def validate_group_by(self, text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(name for name in text.split(",") if name))
        if len(names) > MAX_GROUP_BY:
            raise serializers.ValidationError(f"At most {MAX_GROUP_BY} labels.")
        return names

    def filters(self) -> dict[str, str]:
        """What `MetricSeriesFilterSet` is to be asked for."""
        others = {"start", "end", "interval", "aggregation", "group_by"}
        return {name: value for name, value in self.initial_data.items() if name not in others}


def chart_window(start: datetime | None, end: datetime | None, interval: str, now: datetime) -> Window:
    """The range in whole buckets, the last 24 hours by default; BadRequest as `whole_buckets`, or above 1,000."""
    window = whole_buckets(start, end, now, partial(_length_of, interval))
    refuse_more_buckets(window, MAX_BUCKETS)
    return window


def _length_of(interval: str, whole: timedelta) -> timedelta:
    if match := _INTERVAL.fullmatch(interval):
        return int(match[1]) * _UNITS[match[2]]
    lengths = [_length_of(one, whole) for one in AUTO_INTERVALS]
    # What not even days make short enough gets as many days as it takes.
    return next((length for length in lengths if whole <= AUTO_BUCKETS * length), _days_for(whole))


def _days_for(whole: timedelta) -> timedelta:
    return timedelta(days=-(-whole.days // AUTO_BUCKETS) or 1)

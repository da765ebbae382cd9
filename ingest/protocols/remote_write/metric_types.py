"""The platform's type of a Prometheus series: as its metadata says, else as its name ends."""

from __future__ import annotations

from typing import Literal

MetricType = Literal["counter", "gauge"]

COUNTER, GAUGE, HISTOGRAM, GAUGE_HISTOGRAM, SUMMARY, INFO, STATE_SET = range(1, 8)
"""The types of metadata, by the same numbers in both versions; 0 is unknown."""

TYPE_NAMES = {
    COUNTER: "counter",
    GAUGE: "gauge",
    HISTOGRAM: "histogram",
    GAUGE_HISTOGRAM: "gaugehistogram",
    SUMMARY: "summary",
    INFO: "info",
    STATE_SET: "stateset",
}

_COUNTER_SUFFIXES = ("_total", "_count", "_sum", "_bucket")
_PARTS = {HISTOGRAM: ("_bucket", "_count", "_sum"), SUMMARY: ("_count", "_sum"), COUNTER: ("_total",)}


def sample_type(metric_name: str, declared: int = 0) -> MetricType:
    """Of a series of plain values; the parts of classic histograms and summaries are series of their own."""
    if declared == COUNTER:
        return "counter"
    if declared in (GAUGE, GAUGE_HISTOGRAM, INFO, STATE_SET):
        return "gauge"
    return "counter" if metric_name.endswith(_COUNTER_SUFFIXES) else "gauge"


def series_names(family: str, declared: int) -> list[str]:
    """A family's name and those of its series: metadata of 1.0 names the family alone."""
    return [family, *(family + part for part in _PARTS.get(declared, ()) if not family.endswith(part))]

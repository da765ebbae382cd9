"""Results as the API answers them."""

from __future__ import annotations

from typing import Any

from analytics.experiments.comparing import Share
from analytics.experiments.results import MetricFigures, Results, VariantFigures
from analytics.experiments.sample_ratio import MISMATCH_BELOW
from analytics.experiments.words import STATISTICS, conclusion
from analytics.models.experiments import MetricKind


def answer(results: Results) -> dict[str, Any]:
    definition = results.definition
    return {
        "slug": definition.slug,
        "name": definition.name,
        "description": definition.description,
        "start": results.start,
        "end": results.end,
        "control": definition.control,
        "people": results.people,
        "planned_people": definition.planned_people,
        "left_out": {
            "several_variants": results.mixed,
            "other_variants": results.others,
            "names_of_others": list(results.other_variants),
        },
        "sample_ratio": {
            "p_value": results.sample_ratio.p_value,
            "mismatch_below": MISMATCH_BELOW,
            "is_mismatch": results.sample_ratio.is_mismatch,
            "variants": [
                {
                    "variant": variant,
                    "people": people,
                    "expected_people": results.sample_ratio.expected[variant],
                }
                for variant, people in results.sample_ratio.people.items()
            ],
        },
        "warnings": [{"code": one.code, "message": one.message} for one in results.warnings],
        "metrics": [_metric(one) for one in results.metrics],
        "days": [{"day": day, "variant": variant, "people": people} for day, variant, people in results.days],
        "statistics": STATISTICS,
    }


def _metric(figures: MetricFigures) -> dict[str, Any]:
    metric = figures.metric
    return {
        "key": metric.key,
        "name": metric.name,
        "kind": metric.kind.value,
        "unit": "ratio" if metric.kind == MetricKind.CONVERSION else None,
        "better": "lower" if metric.is_lower_better else "higher",
        "window_minutes": metric.window.total_seconds() / 60 if metric.window else None,
        "open_people": figures.open_people,
        "variants": [_variant(figures, one) for one in figures.variants],
    }


def _variant(figures: MetricFigures, row: VariantFigures) -> dict[str, Any]:
    sample, own, found = row.sample, row.interval, row.difference
    reach = found.interval if found else None
    return {
        "variant": row.variant,
        "is_control": row.is_control,
        "people": sample.people,
        "converted": sample.converted if isinstance(sample, Share) else None,
        "value": sample.value,
        "value_low": own.low if own else None,
        "value_high": own.high if own else None,
        "difference": found.value if found else None,
        "difference_low": reach.low if reach else None,
        "difference_high": reach.high if reach else None,
        "difference_ratio": row.relative_ratio,
        "p_value": found.p_value if found else None,
        "best_ratio": row.best_ratio,
        "conclusion": conclusion(figures, row),
    }

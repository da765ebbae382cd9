"""Whatever is sent in whatever order, the results are what plain Python says of the same events."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.experiments.comparing import Share
from analytics.experiments.definitions import experiment_named
from analytics.experiments.reading import Question, read
from tests.analytics.experiments import naive
from tests.analytics.experiments.scene import make_experiment
from tests.analytics.funnels.test_random import LINKS, MOMENT, PEOPLE, link, send
from tests.clients import client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

AMOUNTS = st.sampled_from([1, 2, 50, "many", None])
EVENT = st.fixed_dictionaries(
    {
        "event_name": st.sampled_from(["experiment_viewed", "experiment_viewed", "bought", "seen"]),
        "timestamp": st.integers(0, 6).map(lambda minutes: MOMENT + timedelta(minutes=minutes)),
        "id": st.integers(0, 30).map(lambda number: str(uuid.UUID(int=number))),
        "user_id": PEOPLE,
        "anonymous_id": st.sampled_from(["ana", "phone", "laptop", "tablet", None]),
        "properties": st.fixed_dictionaries(
            {"experiment": st.sampled_from(["checkout", "checkout", "checkout", "other"])},
            optional={"variant": st.sampled_from(["control", "b", "b", ""]), "amount": AMOUNTS},
        ),
    }
)
BOUGHT = {"event_name": "bought"}
# Everything counts, also other exposures.
ANYTHING = {"filters": {"properties.experiment": {"exists": True}}}
MATCHER = st.sampled_from([BOUGHT, ANYTHING])
WINDOW = st.one_of(st.none(), st.integers(1, 4))


@st.composite
def metrics(draw: st.DrawFn) -> list[dict[str, Any]]:
    kinds = [
        ("conversion", ""),
        ("total", ""),
        ("total", "properties.amount"),
        ("average", "properties.amount"),
    ]
    return [
        {
            "key": f"m{number}",
            "name": f"Metric {number}",
            "kind": kind,
            "column": column,
            "matcher": draw(MATCHER),
            "window_minutes": draw(WINDOW),
        }
        for number, (kind, column) in enumerate(draw(st.permutations(kinds)))
    ]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent=st.lists(EVENT, min_size=1, max_size=20),
    links=LINKS,
    asked=metrics(),
    edges=st.tuples(st.integers(0, 2), st.integers(3, 7)),
)
def test_experiments_agree_with_plain_python(
    db: None,
    sent: list[dict[str, Any]],
    links: dict[str, str],
    asked: list[dict[str, Any]],
    edges: tuple[int, int],
) -> None:
    api = client_of(make_project("experiments"))
    stored, made = send(api, sent), link(api, links)
    make_experiment(api, *asked)
    definition = experiment_named(api.project.pk, "checkout")
    assert definition
    start, end = (MOMENT + timedelta(minutes=edge) for edge in edges)
    reading = read(definition, Question(start, end, end))
    expected = naive.found(stored, definition, start, end, made)
    assert ({one.variant: one.people for one in reading.variants}, reading.mixed) == (
        expected.people,
        expected.mixed,
    )
    assert {(str(day), variant): people for day, variant, people in reading.days} == expected.days
    for variant in reading.variants:
        for metric, sample in zip(definition.metrics, variant.samples, strict=True):
            figures = (
                (sample.people, sample.converted)
                if isinstance(sample, Share)
                else (sample.people, sample.mean, sample.variance)
            )
            wanted = expected.figures[variant.variant, metric.key]
            assert figures == pytest.approx(wanted), (variant.variant, metric)

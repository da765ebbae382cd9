"""Experiments over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from analytics.models.experiments import Experiment
from tests.analytics.experiments.scene import (
    EXPERIMENTS,
    PAID,
    REVENUE,
    START,
    ask,
    codes,
    event,
    group,
    make_experiment,
    paid,
    rows,
    seen,
    send,
)
from tests.clients import ProjectClient, client_of

pytestmark = pytest.mark.django_db


def test_the_answer_compares_each_variant_with_the_control(api: ProjectClient) -> None:
    make_experiment(api, planned_people=100, minimum_days=1)
    send(api, *group("control", 60, 12), *group("b", 60, 30))
    answer = ask(api)
    assert (answer["people"], answer["left_out"]["several_variants"]) == (120, 0)
    assert codes(answer) == []
    control, b = rows(answer)["control"], rows(answer)["b"]
    assert (control["people"], control["converted"], control["value"]) == (60, 12, 0.2)
    assert control["difference"] is None
    assert (b["value"], b["difference"], b["difference_ratio"]) == pytest.approx((0.5, 0.3, 1.5))
    interval = (b["difference_low"], b["difference_high"])
    assert interval == pytest.approx((0.1299, 0.4474), abs=1e-4)
    assert b["p_value"] == pytest.approx(0.000571, abs=1e-6)
    assert b["best_ratio"] == pytest.approx(0.9997, abs=3e-4)
    assert b["best_ratio"] + control["best_ratio"] == pytest.approx(1)
    assert b["conclusion"].startswith(
        "b converts 30 points more than the control, 95 % interval 13 to 44.7 points more"
    )
    assert {row["people"] for row in answer["days"]} == {60}
    assert set(answer["statistics"]) == {
        "value_interval",
        "difference_interval",
        "p_value",
        "best_ratio",
        "sample_ratio",
    }


def test_only_what_comes_after_the_first_exposure_counts_and_within_the_window(api: ProjectClient) -> None:
    make_experiment(api, {**PAID, "window_minutes": 10}, {**REVENUE, "window_minutes": 10})
    send(
        api,
        *(paid("early", -1, 5), seen("early", "b")),
        *(seen("again", "b"), paid("again", 8, 5), seen("again", "b", 9), paid("again", 12, 7)),
        *(seen("edge", "b"), paid("edge", 10, 1)),
        *(seen("late", "b"), paid("late", 10.001, 1)),
        *(seen("text", "b"), paid("text", 1, "much")),
        *(seen("huge", "control"), paid("huge", 1, 10**150)),
        paid("stranger"),
    )
    answer = ask(api)
    assert (rows(answer)["b"]["people"], rows(answer)["b"]["converted"]) == (5, 3)
    assert rows(answer, 1)["b"]["value"] == pytest.approx(6 / 5)
    assert (rows(answer)["control"]["converted"], rows(answer, 1)["control"]["value"]) == (1, 0)
    assert answer["metrics"][0]["open_people"] == 0


def test_numbers_at_the_edges_of_floats_are_answered(api: ProjectClient) -> None:
    make_experiment(api, REVENUE)
    amounts = {"control": 1e-320, "b": 1e99, "c": -1e99, "d": 1e-99}
    for variant, amount in amounts.items():
        people = [f"{variant}-{number}" for number in range(3)]
        send(api, *(seen(one, variant) for one in people), *(paid(one, 1, amount) for one in people[:2]))
    found = rows(ask(api))
    assert found["b"]["value"] == pytest.approx(1e99 * 2 / 3)
    assert found["b"]["difference_ratio"] is None
    assert all(row["best_ratio"] is not None for row in found.values())


def test_who_saw_two_variants_is_left_out_under_all_their_ids(api: ProjectClient) -> None:
    make_experiment(api)
    send(
        api,
        *(seen("ana", "control"), seen("ana", "b", 1), paid("ana", 2)),
        *(seen("bo", "b"), seen("phone", "control", 3, user_id=None, anonymous_id="phone")),
        *(seen("cy", "b"), event("cy", "experiment_viewed", 1)),
        seen("dan", "control"),
    )
    api.post("/v1/alias", {"userId": "bo", "previousId": "phone"})
    answer = ask(api)
    assert (answer["left_out"]["several_variants"], answer["people"]) == (2, 2)
    assert {name: row["converted"] for name, row in rows(answer).items()} == {"b": 0, "control": 0}
    assert "several_variants" in codes(answer)


def test_people_shared_out_otherwise_than_planned_are_the_gravest_warning(api: ProjectClient) -> None:
    make_experiment(api, shares={"control": 1, "b": 1}, planned_people=50, minimum_days=0)
    send(api, *group("control", 60, 9), *group("b", 20, 9), seen("x", "c"), seen("y", "d"))
    answer = ask(api)
    assert codes(answer) == ["sample_ratio"]
    assert "control has 60 people of 40 expected" in answer["warnings"][0]["message"]
    assert answer["sample_ratio"]["p_value"] == pytest.approx(7.74e-6, rel=0.01)
    assert answer["sample_ratio"]["is_mismatch"]
    assert answer["left_out"] == {"several_variants": 0, "other_variants": 2, "names_of_others": ["c", "d"]}
    Experiment.objects.update(shares={"control": 3, "b": 1})
    assert codes(ask(api)) == []


def test_a_look_before_the_plan_is_reached_is_told_to_wait(api: ProjectClient) -> None:
    make_experiment(api, planned_people=1000, minimum_days=7)
    send(api, *group("control", 10, 6), *group("b", 10, 5))
    (early, few) = ask(api)["warnings"]
    assert (early["code"], few["code"]) == ("too_early", "few_people")
    assert "20 of 1,000 planned people and " in early["message"]
    assert " of at least 7 days" in early["message"]
    Experiment.objects.update(planned_people=None, minimum_days=0)
    assert codes(ask(api)) == ["no_plan", "few_people"]
    Experiment.objects.update(ends_at=START + timedelta(days=1))
    assert codes(ask(api)) == ["few_people"]


def test_an_experiment_older_than_what_is_kept_is_not_to_be_believed(api: ProjectClient) -> None:
    make_experiment(api, planned_people=10, minimum_days=0)
    send(api, *group("control", 20, 10), *group("b", 20, 10))
    assert codes(ask(api)) == []
    Experiment.objects.update(starts_at=START - timedelta(days=100))
    answer = ask(api)
    assert codes(answer) == ["not_kept"]
    assert "are no longer kept" in answer["warnings"][0]["message"]


def test_three_variants_and_two_metrics_are_four_comparisons(api: ProjectClient) -> None:
    make_experiment(api, PAID, {**REVENUE, "better": "lower"}, planned_people=10, minimum_days=0)
    send(api, *group("control", 40, 10), *group("b", 40, 20), *group("c", 40, 30))
    answer = ask(api)
    assert codes(answer) == ["many_comparisons"]
    assert "4 comparisons" in answer["warnings"][0]["message"]
    assert [row["variant"] for row in answer["metrics"][1]["variants"]] == ["control", "b", "c"]
    assert rows(answer, 0)["c"]["best_ratio"] > 0.9
    assert rows(answer, 1)["control"]["best_ratio"] > 0.9


def test_an_experiment_without_anybody_or_without_a_control_says_so(api: ProjectClient) -> None:
    make_experiment(api, PAID, REVENUE)
    answer = ask(api)
    assert (codes(answer), answer["people"], answer["days"]) == (["no_people"], 0, [])
    send(api, *group("blue", 10, 5), *group("green", 10, 5))
    answer = ask(api)
    assert codes(answer)[0] == "no_control"
    assert {row["difference"] for row in rows(answer).values()} == {None}
    assert rows(answer)["blue"]["value"] == 0.5


def test_a_range_of_exposures_can_be_asked_for(api: ProjectClient) -> None:
    make_experiment(api)
    send(api, seen("ana", "control", 0), seen("bo", "b", 60 * 24), paid("ana", 60 * 25))
    until = (START + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (ask(api, f"?end={until}")["people"], ask(api, f"?start={until}")["people"]) == (1, 1)
    assert rows(ask(api, f"?end={until}"))["control"]["converted"] == 0
    assert rows(ask(api))["control"]["converted"] == 1
    assert ask(api, "?start=0001-01-01&end=9999-12-31")["people"] == 2


def test_thousands_of_variants_are_some_and_a_number(api: ProjectClient) -> None:
    make_experiment(api)
    send(api, *(seen(f"u{number}", f"v{number}") for number in range(100)), seen("ana", "control"))
    answer = ask(api)
    assert (answer["people"], answer["left_out"]["other_variants"]) == (20, 81)
    assert "control" in rows(answer)
    assert len(answer["left_out"]["names_of_others"]) == 20


def test_hostile_names_come_back_as_they_are(api: ProjectClient) -> None:
    evil = "<script>'\"%s"
    make_experiment(api, control=evil)
    send(api, seen("ana", evil), seen("bo", "b" * 5000))
    assert [len(name) for name in rows(ask(api))] == [len(evil), 200]


def test_experiments_are_listed_as_they_were_made(api: ProjectClient, other_api: ProjectClient) -> None:
    made = make_experiment(api, PAID, REVENUE, shares={"control": 2, "b": 1})
    assert made["exposure"] == {
        "event_name": "experiment_viewed",
        "filters": {"properties.experiment": "checkout"},
    }
    assert made["metrics"][1] == {**REVENUE, "window_minutes": None, "better": "higher"}
    assert api.results(EXPERIMENTS) == [made]
    assert other_api.results(EXPERIMENTS) == []
    assert other_api.get(f"{EXPERIMENTS}checkout/").status_code == 404
    make_experiment(other_api)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"slug": "a b"}, "slug: "),
        ({"metrics": []}, "metrics: Needs 1 to 10, not 0."),
        ({"metrics": [PAID] * 5000}, "metrics: Ensure this field has no more than 10 elements."),
        ({"metrics": [PAID, PAID]}, "metrics: Each needs a key of its own."),
        ({"metrics": [{**PAID, "matcher": {"event": "x"}}]}, "metrics[0].matcher.event: Unknown key."),
        ({"metrics": [{**PAID, "colour": 1}]}, "Unknown key."),
        ({"metrics": [{**PAID, "column": "properties.x"}]}, "metrics[0].column: A conversion counts people"),
        ({"metrics": [{**REVENUE, "column": "user_id"}]}, "metrics[0].column: user_id holds text"),
        ({"metrics": [{**REVENUE, "kind": "average", "column": ""}]}, "metrics[0].column: Needs the number"),
        ({"metrics": [{**PAID, "window_minutes": 0}]}, "metrics[0].window_minutes: Must be more than 0"),
        ({"exposure": {}}, "exposure: Needs at least one of"),
        ({"variant_column": "colour"}, "variant_column: 'colour' is not one of"),
        ({"shares": {"b": 1, "c": 1}}, "shares: Must name the control, 'control', too."),
        ({"shares": {"control": 1, "b": -1}}, "shares.b: Must be a number above 0"),
        ({"shares": {"control": 1, "b": 1e300}}, "shares.b: Must be a number above 0"),
        ({"ends_at": "2001-01-01T00:00:00Z"}, "ends_at: Must be after the start."),
        ({"planned_people": 10**12}, "planned_people: "),
        ({"colour": 1}, "colour: Unknown key."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_makes_no_experiment_is_refused_by_name(
    api: ProjectClient, fields: dict[str, Any], message: str
) -> None:
    body = {"slug": "checkout", "name": "x", "starts_at": START.isoformat(), "metrics": [PAID], **fields}
    answer = api.post(EXPERIMENTS, body)
    assert answer.status_code == 400, answer.content
    assert message in answer.json()["detail"]
    assert not Experiment.objects.filter(project=api.project).exists()


def test_a_number_beyond_any_float_is_refused(api: ProjectClient) -> None:
    whole = b'{"slug": "x", "name": "x", "shares": {"control": 1, "b": 1e999}, "metrics": [], "planned_people": 1e999}'
    assert api.post(EXPERIMENTS, whole).status_code == 400


def test_a_slug_is_taken_once_in_a_project(api: ProjectClient) -> None:
    make_experiment(api)
    answer = api.post(EXPERIMENTS, {"slug": "checkout", "name": "x", "metrics": [PAID]})
    assert (answer.status_code, "slug" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize("query", ["?colour=1", "?start=yesterday", "?start=2026-02-01&end=2026-01-01"])
def test_what_makes_no_sense_is_refused(api: ProjectClient, query: str) -> None:
    make_experiment(api)
    assert api.get(f"{EXPERIMENTS}checkout/{query}").status_code == 400


def test_reading_takes_the_scope_read_and_making_one_manage(api: ProjectClient) -> None:
    reader = client_of(api.project, ["read"])
    assert reader.get(EXPERIMENTS).status_code == 200
    assert reader.post(EXPERIMENTS, {"slug": "x", "name": "x", "metrics": [PAID]}).status_code == 403
    assert client_of(api.project, ["ingest"]).get(EXPERIMENTS).status_code == 403
    assert reader.get(f"{EXPERIMENTS}missing/").status_code == 404

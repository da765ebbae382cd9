"""What a backtest refuses, in words, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from alerting.backtest import counts, points, run
from alerting.models import KnownLabels, Rule
from projects.models import Project, RetentionPolicy
from projects.retention import forget_cached_policies
from tests.alerting.backtest.scene import CPU, FIRST, LAST, RULES
from tests.alerting.scenes import send_events
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

URL = "/api/v1/alert-rules/backtest/"


def ask(api: ProjectClient, body: Mapping[str, Any] = CPU, **changes: Any) -> Any:
    now = timezone.now()
    period = {"start": (now - timedelta(hours=1)).isoformat(), "end": now.isoformat()}
    return api.post(URL, {"name": "tried", **body, **period, **changes})


def ago(**length: float) -> str:
    return (timezone.now() - timedelta(**length)).isoformat()


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"end": None}, "end", "may not be null"),
        ({"start": "yesterday"}, "start", "neither an RFC 3339 time nor a Unix number"),
        ({"start": True}, "start", "Must be an RFC 3339 time"),
        ({"start": 1e300}, "start", "outside the years"),
        ({"start": ago(hours=1), "end": ago(hours=2)}, "start", "Must be before the end."),
        ({"end": ago(hours=-1)}, "end", "Lies in the future"),
        ({"start": ago(days=181)}, "start", "Metric points are kept for 180 days: the oldest are of"),
        ({"start": ago(days=5000)}, "start", "ten years"),
        ({"source_type": "telemetry_event"}, "source_type", "A metric_threshold rule watches one of"),
        ({"name": ""}, "name", "may not be blank"),
        ({"notification_channels": ["nobody"]}, "notification_channels", "no channel 'nobody'"),
        ({"recovery_threshold": 90}, "recovery_threshold", "Must not be above the threshold"),
        ({"silly": 1}, "silly", "Unknown key."),
    ],
)
def test_what_is_wrong_is_said_by_field(
    project: Project, changes: dict[str, Any], field: str, message: str
) -> None:
    answer = ask(client_of(project), **changes)
    assert answer.status_code == 400
    assert message in str(answer.json()["errors"][field])


def test_wrong_keys_of_the_condition_are_named_as_when_it_is_created(project: Project) -> None:
    api = client_of(project)
    body = {**CPU, "condition_config": {"metric": "cpu_usage", "operator": "~", "threshold": 1, "wat": 2}}
    created = api.post("/api/v1/alert-rules/", {"name": "tried", **body})
    answer = ask(api, body)
    assert (answer.status_code, created.status_code) == (400, 400)
    assert answer.json()["errors"] == created.json()["errors"]


def test_times_may_be_unix_numbers_and_a_clock_a_bit_ahead_means_now(project: Project) -> None:
    end = timezone.now().timestamp() + 20
    answer = ask(client_of(project), start=end - 3600, end=end)
    assert answer.status_code == 200, answer.content
    assert datetime.fromisoformat(answer.json()["end"]) <= timezone.now()


def test_shorter_retention_of_the_project_counts(project: Project) -> None:
    RetentionPolicy.objects.update_or_create(project=project, defaults={"metrics_days": 3})
    forget_cached_policies()
    answer = ask(client_of(project), start=ago(days=4))
    oldest = timezone.now() - timedelta(days=3)
    assert f"kept for 3 days: the oldest are of {oldest:%Y-%m-%d}" in answer.json()["detail"]


def test_nothing_is_saved(project: Project) -> None:
    api = client_of(project)
    send_events(api, 3, timezone.now() - timedelta(minutes=10), event_name="deployed")
    assert ask(api, RULES["new version"]).status_code == 200
    assert not Rule.objects.exists()
    assert not KnownLabels.objects.exists()


@pytest.mark.parametrize(("scopes", "status"), [(["read"], 200), (["manage"], 403), (["ingest"], 403)])
def test_it_takes_the_scope_read(project: Project, scopes: list[str], status: int) -> None:
    assert ask(client_of(project, scopes)).status_code == status


def test_another_projects_telemetry_rules_and_channels_are_never_seen(shop: ProjectClient) -> None:
    assert shop.post("/api/v1/alert-rules/", {"name": "cpu", **CPU}).status_code == 201
    stranger = client_of(make_project("other"))
    bounds = {"start": FIRST.isoformat(), "end": LAST.isoformat()}
    for body in RULES.values():
        turns = ask(stranger, body, **bounds).json()["transitions"]
        # What fires without any data of its own is silence.
        assert {turn["reason"].split(" ")[0] for turn in turns} <= {"0"}
    composite = {
        "rule_type": "composite",
        "source_type": "rule",
        "condition_config": {"rules": ["cpu"], "need": "any"},
    }
    answer = ask(stranger, composite)
    assert answer.status_code == 400
    assert "no rule 'cpu'" in str(answer.json()["errors"]["condition_config"])


def test_long_periods_are_replayed_in_longer_steps_and_say_so(project: Project) -> None:
    answer = ask(client_of(project), start=ago(days=100)).json()
    assert answer["step_seconds"] == 480
    assert answer["evaluation_count"] == 18_001
    assert "Evaluated each 480 s instead of each 60 s" in answer["notes"][0]
    assert len(answer["per_day"]) == 101


@pytest.mark.parametrize(
    ("module", "limit", "body"),
    [
        (points, "MAX_POINTS", CPU),
        (counts, "MAX_ROWS", RULES["errors"]),
        (counts, "MAX_ROWS", RULES["slow spans"]),
        (points, "MAX_POINTS", RULES["revenue"]),
        (points, "MAX_DETAILED", RULES["distribution"]),
    ],
)
def test_more_than_fits_into_memory_is_refused_with_a_way_out(
    shop: ProjectClient, monkeypatch: pytest.MonkeyPatch, module: Any, limit: str, body: Mapping[str, Any]
) -> None:
    monkeypatch.setattr(module, limit, 20)
    answer = ask(shop, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "too_costly")
    assert "take a shorter one" in answer.json()["detail"]


def test_rules_that_together_ask_for_more_columns_than_postgresql_has_are_refused(project: Project) -> None:
    api = client_of(project)
    names = [f"wide {number}" for number in range(8)]
    for name in names:
        alternatives = [
            {"filters": {f"tags.{name} {n} {k}": {"exists": True} for k in range(50)}} for n in range(4)
        ]
        condition = {"any_of": alternatives, "threshold": 1}
        wide = {
            "rule_type": "event_frequency",
            "source_type": "telemetry_event",
            "condition_config": condition,
        }
        assert api.post("/api/v1/alert-rules/", {"name": name, **wide}).status_code == 201
    together = {"rules": names, "need": "any"}
    answer = ask(api, {"rule_type": "composite", "source_type": "rule", "condition_config": together})
    assert (answer.status_code, answer.json()["code"]) == (400, "too_costly")
    assert "1,600 columns and conditions" in answer.json()["detail"]


def test_a_backtest_that_takes_too_long_is_given_up(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "LIMIT_SECONDS", 0.0)
    answer = ask(client_of(project))
    assert (answer.status_code, answer.json()["code"]) == (400, "too_costly")
    assert "take a shorter period" in answer.json()["detail"]


def test_a_second_backtest_of_the_project_is_told_to_come_back(project: Project) -> None:
    other = connection.copy()
    other.set_autocommit(False)
    with closing(other), other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [run.LOCK_CLASS, project.pk])
        answer = ask(client_of(project))
        other.rollback()
    assert (answer.status_code, answer.json()["code"]) == (429, "busy")
    assert answer["Retry-After"] == "5"
    assert ask(client_of(project)).status_code == 200


def test_evaluations_that_failed_are_counted_with_the_reason(project: Project) -> None:
    api = client_of(project)
    now = timezone.now()
    for version in ("2.0", "2.1", "2.2"):
        send_events(api, 1, now - timedelta(minutes=20), event_name="deployed", tags={"version": version})
    body = RULES["new version"]
    answer = ask(api, {**body, "condition_config": {**body["condition_config"], "limit": 2}}).json()
    assert answer["transitions"] == []
    assert "could not be evaluated: 3 new values of tags.version" in answer["notes"][0]

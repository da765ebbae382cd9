"""Retention over HTTP: what is kept for how long, and that old data then gets in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core.management import call_command

from projects import retention
from projects.models import ApiKey, Project, RetentionPolicy
from projects.retention import days_kept
from tests.admin import superuser_client
from tests.clients import ProjectClient, client_of, counts, places

pytestmark = pytest.mark.django_db

RETENTION = "/api/v1/retention/"
DEFAULTS = {
    "events": {"raw_days": 90},
    "metrics": {"raw_days": 180},
    "business_metrics": {"raw_days": 180},
    "traces": {"raw_days": 30},
    "rollups": {"minutes_days": 365, "hours_days": 365, "days_days": 365},
    "alerts": {"days": 365},
    "audit": {"days": 730},
}


def put(api: ProjectClient, body: Any) -> Any:
    return api.put(RETENTION, body)


def changed(api: ProjectClient, body: Any) -> dict[str, Any]:
    answer = put(api, body)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def send_event(api: ProjectClient, age_days: float) -> Any:
    at = datetime.now(UTC) - timedelta(days=age_days)
    return api.post("/api/v1/events", {"events": [{"event_name": "old", "timestamp": at.isoformat()}]})


def test_a_project_without_a_policy_has_the_defaults(api: ProjectClient) -> None:
    assert api.get(RETENTION).json() == DEFAULTS
    assert not RetentionPolicy.objects.filter(project=api.project).exists()


def test_what_is_named_changes_and_the_rest_stays(api: ProjectClient, other_api: ProjectClient) -> None:
    assert changed(api, {"events": {"raw_days": 7}})["events"] == {"raw_days": 7}
    found = changed(api, {"rollups": {"hours_days": 400}, "audit": {"days": None}})
    assert found == api.get(RETENTION).json()
    assert found == {
        **DEFAULTS,
        "events": {"raw_days": 7},
        "rollups": {"minutes_days": 365, "hours_days": 400, "days_days": 365},
        "audit": {"days": None},
    }
    assert changed(api, found) == found
    assert other_api.get(RETENTION).json() == DEFAULTS


def test_null_keeps_for_ever_and_old_data_gets_in(api: ProjectClient) -> None:
    assert places(send_event(api, 1000)) == [(0, "timestamp", "too_old")]
    changed(api, {"events": {"raw_days": None}})
    assert counts(send_event(api, 1000)) == (1, 0, 0)
    output = StringIO()
    call_command("purge", stdout=output)
    assert [event["event_name"] for event in api.results("/api/v1/events")] == ["old"]
    changed(api, {"events": {"raw_days": 90}})
    assert places(send_event(api, 1000)) == [(0, "timestamp", "too_old")]


def test_a_process_that_has_not_heard_of_it_asks_again_before_it_refuses(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.pipeline.RECHECK_SECONDS", 0)
    assert days_kept(api.project.pk, "events") == 90
    # As another process would: this one's cache is not told.
    RetentionPolicy.objects.create(project=api.project, events_days=None)
    assert days_kept(api.project.pk, "events") == 90
    assert counts(send_event(api, 100)) == (1, 0, 0)
    assert days_kept(api.project.pk, "events") == retention.FOR_EVER


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"events": {"raw_days": 0}}, "events.raw_days: Must be a whole number of days from 1 to 3650"),
        ({"events": {"raw_days": 10**30}}, "events.raw_days: Must be"),
        ({"events": {"raw_days": True}}, "events.raw_days: Must be"),
        ({"traces": {"raw_days": "7"}}, "traces.raw_days: Must be"),
        ({"alerts": {"days": 1.5}}, "alerts.days: Must be"),
        ({"events": 90}, "events: Invalid data"),
        ({"events": {"days": 90}}, "events.days: Unknown key."),
        ({"logs": {"raw_days": 90}}, "logs: Unknown key."),
        ([], "Invalid data"),
        ({"rollups": {"minutes_days": 179}}, "rollups.minutes_days: Roll-ups can't go before raw data: metrics"),
        (
            {"events": {"raw_days": None}, "rollups": {"days_days": 3650}},
            "rollups.days_days: Roll-ups can't go before raw data: events.raw_days is null",
        ),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict | list) else "",
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_nothing_changes(
    api: ProjectClient, body: Any, message: str
) -> None:
    answer = put(api, body)
    assert answer.status_code == 400, answer.content
    assert message in answer.json()["detail"]
    assert api.get(RETENTION).json() == DEFAULTS


def test_roll_ups_that_an_admin_made_shorter_can_be_sent_back(api: ProjectClient) -> None:
    RetentionPolicy.objects.create(project=api.project, rollup_minutes_days=10)
    whole = api.get(RETENTION).json()
    assert changed(api, {**whole, "traces": {"raw_days": 3}})["rollups"]["minutes_days"] == 10


@pytest.mark.parametrize("scopes", [["read"], ["ingest"], ["ingest", "read"]])
def test_it_takes_the_scope_manage(project: Project, scopes: list[str]) -> None:
    api = client_of(project, scopes)
    assert api.get(RETENTION).status_code == 403
    assert put(api, {"events": {"raw_days": 1}}).status_code == 403
    assert not RetentionPolicy.objects.filter(project=project).exists()


def test_unknown_parameters_and_methods_are_refused(api: ProjectClient) -> None:
    assert api.get(f"{RETENTION}?day=1").status_code == 400
    assert api.delete(RETENTION).status_code == 405
    assert api.get("/api/v1/retention").status_code == 200


def test_a_change_stands_in_the_audit_log_with_its_key(api: ProjectClient) -> None:
    changed(api, {"events": {"raw_days": 8}})
    entry = LogEntry.objects.get_for_model(RetentionPolicy).filter(action=LogEntry.Action.UPDATE).first()
    assert entry is not None
    assert entry.changes_dict == {"events_days": ["90", "8"]}
    assert entry.additional_data == {"api_key_id": ApiKey.objects.get(project=api.project).pk}


def test_the_pages_say_for_ever(api: ProjectClient) -> None:
    changed(api, {"events": {"raw_days": None}})
    client = superuser_client()
    storage = client.get("/admin/storage/").content.decode()
    assert f"{api.project.slug} for ever, others 90 days" in storage
    policies = client.get("/admin/projects/retentionpolicy/").content.decode()
    assert "for ever" in policies
    sources = client.get(f"/admin/sources/?project={api.project.pk}").content.decode()
    assert "events of any age (kept for ever)" in " ".join(sources.split())

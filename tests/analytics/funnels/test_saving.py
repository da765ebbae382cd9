"""Funnels are saved under a name, shared, recorded as metric points, and seen by their project alone."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from analytics.due import EVERY
from analytics.funnels.recording import DUE, record
from analytics.models.funnels import SavedFunnel
from projects.models import Project
from telemetry_platform.tasks import record_funnels
from tests.admin import member_client, superuser_client
from tests.analytics.funnels.test_page import BUYING, page, send, send_buyers, words
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db
SAVE = "/admin/explore/funnels/save/"


def save(client: Client, project: Project, question: Any = BUYING, **fields: Any) -> Any:
    posted = {"name": "Buying", "recorded_days": 7, "question": json.dumps(question), **fields}
    return client.post(f"{SAVE}?project={project.pk}", posted)


def make(project: Project, **fields: Any) -> SavedFunnel:
    given: dict[str, Any] = {"name": "Buying", "slug": "buying", "question": BUYING, **fields}
    return SavedFunnel.objects.create(project=project, **given)


def points(api: ProjectClient, name: str) -> dict[tuple[str, ...], float]:
    """The newest value of each series, by the values of its labels."""
    found = sorted(api.results(f"/api/v1/metrics/?metric_name={name}"), key=lambda point: point["timestamp"])
    return {tuple(value for _, value in sorted(one["tags"].items())): one["metric_value"] for one in found}


def test_a_saved_funnel_is_opened_by_its_name(api: ProjectClient) -> None:
    send_buyers(api)
    client = superuser_client()
    answer = save(client, api.project, description="From shelf to till")
    assert answer.status_code == 200
    assert "saved=buying" in answer.json()["url"]
    shown = client.get(answer.json()["url"]).content.decode()
    assert "From shelf to till" in shown
    assert shown.count('class="funnel-step"') == 3 + 1  # and the one that new steps are copied from
    assert "Converted 25 %" in words(page(client, api.project, saved="buying", panel="results"))


def test_another_of_the_same_name_gets_a_slug_of_its_own(project: Project, other_project: Project) -> None:
    client = superuser_client()
    for _ in range(7):
        assert save(client, project).status_code == 200
    assert save(client, other_project).status_code == 200
    assert save(client, project, name="\u30d5\u30a1\u30cd\u30eb").status_code == 200
    slugs = list(SavedFunnel.objects.filter(project=project).order_by("pk").values_list("slug", flat=True))
    assert slugs[:5] == ["buying", "buying-2", "buying-3", "buying-4", "buying-5"]
    assert slugs[-1] == "funnel"
    assert len(set(slugs)) == 8


def test_changes_are_saved_in_its_place_and_audited(project: Project) -> None:
    client = superuser_client()
    save(client, project)
    shorter = {"steps": BUYING["steps"][:2]}
    assert save(client, project, shorter, saved="buying", name="Adding", is_recorded="on").status_code == 200
    funnel = SavedFunnel.objects.get(project=project)
    assert (funnel.slug, funnel.name, funnel.question, funnel.is_recorded) == (
        "buying",
        "Adding",
        shorter,
        True,
    )
    changes = LogEntry.objects.get_for_object(funnel).filter(action=LogEntry.Action.UPDATE)
    assert [set(change.changes_dict) for change in changes] == [{"name", "question", "is_recorded"}]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"recorded_days": 0}, "recorded_days"),
        ({"recorded_days": 91}, "recorded_days"),
        ({"question": "{}"}, "question"),
        ({"question": "["}, "question"),
        ({"question": '{"steps": [{"event_name": "a", "name": "\\u0000"}]}'}, "question"),
        ({"question": '{"steps": [{"event_name": "a"}], "unit": "plan"}'}, "question"),
    ],
)
def test_what_makes_no_funnel_is_told_by_its_field(
    project: Project, fields: dict[str, Any], field: str
) -> None:
    posted = {"name": "Buying", "recorded_days": 7, "question": json.dumps(BUYING), **fields}
    answer = superuser_client().post(f"{SAVE}?project={project.pk}", posted)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert not SavedFunnel.objects.filter(project=project).exists()


def test_a_comparison_can_be_saved_though_its_range_is_not(project: Project) -> None:
    assert save(superuser_client(), project, {**BUYING, "compare": True}).status_code == 200


@pytest.mark.parametrize("slug", ["sold", "\0", "x" * 5000], ids=["unknown", "NUL", "long"])
def test_changes_of_a_funnel_that_is_not_there_are_refused(project: Project, slug: str) -> None:
    assert save(superuser_client(), project, saved=slug).status_code == 404


def test_members_save_and_see_only_where_they_belong_and_may(
    project: Project, other_project: Project
) -> None:
    make(other_project, name="Banking", slug="banking")
    reader = member_client(project, "events.event", "analytics.savedfunnel")
    assert save(reader, project).status_code == 403
    assert save(reader, other_project).status_code == 404
    assert "There is no saved funnel" in words(page(reader, project, saved="banking"))
    listed = reader.get("/admin/analytics/savedfunnel/").content.decode()
    assert "Banking" not in listed
    author = User.objects.get(pk=reader.session["_auth_user_id"])
    author.user_permissions.add(Permission.objects.get(codename="add_savedfunnel"))
    assert save(reader, project).status_code == 200
    assert save(reader, project, saved="buying").status_code == 403
    assert SavedFunnel.objects.get(project=project).created_by == author
    assert superuser_client().get(SAVE).status_code == 405


def test_the_list_tells_the_steps_and_leads_to_the_builder(project: Project) -> None:
    funnel = make(project)
    broken = make(project, name="Broken", slug="broken", question={"steps": "none"})
    client = superuser_client()
    listed = client.get("/admin/analytics/savedfunnel/").content.decode()
    assert "seen, then added, then paid" in listed
    assert "It can&#x27;t be read: steps" in listed
    assert f"?project={project.pk}&amp;saved=buying" in listed
    for one in (funnel, broken):
        form = client.get(f"/admin/analytics/savedfunnel/{one.pk}/change/")
        assert form.status_code == 200
    assert client.get("/admin/analytics/savedfunnel/add/").status_code == 403


def test_a_recorded_funnel_writes_its_conversion_as_metric_points(api: ProjectClient) -> None:
    send_buyers(api)
    make(api.project, is_recorded=True, question={**BUYING, "trend": "day", "compare": True})
    make(api.project, name="Quiet", slug="quiet")
    record_funnels()
    assert points(api, "funnel_conversion_ratio") == {("buying",): 0.25}
    assert points(api, "funnel_step_completion") == {
        ("buying", "1"): 1,
        ("buying", "2"): 0.5,
        ("buying", "3"): 0.25,
    }


def test_whoever_switches_recording_on_is_told_when_the_next_point_comes(api: ProjectClient) -> None:
    send_buyers(api)
    client = superuser_client()
    save(client, api.project, is_recorded="on", recorded_days=3)
    told = "the next point comes within 5 minutes, if somebody has begun by then in the last 3 days."
    assert told in words(page(client, api.project, saved="buying"))
    record_funnels()
    assert told not in words(page(client, api.project, saved="buying"))


def due_at(funnel: SavedFunnel) -> datetime:
    funnel.refresh_from_db()
    assert funnel.record_at
    return funnel.record_at


def test_points_come_again_after_a_while_and_only_of_the_last_days(api: ProjectClient) -> None:
    send_buyers(api)
    funnel = make(api.project, is_recorded=True, recorded_days=1)
    now = timezone.now()
    record(now, 60)
    assert due_at(funnel) >= now + EVERY
    again = due_at(funnel) - timedelta(seconds=1)
    record(again, 60)
    assert len(api.results("/api/v1/metrics/?metric_name=funnel_conversion_ratio")) == 1
    # Two days on nobody has begun: there is no ratio of nobody.
    SavedFunnel.objects.filter(pk=funnel.pk).update(record_at=now)
    record(now + timedelta(days=2), 60)
    assert len(api.results("/api/v1/metrics/?metric_name=funnel_conversion_ratio")) == 1


def test_a_funnel_that_can_not_be_read_says_so_and_holds_up_no_other(api: ProjectClient) -> None:
    send_buyers(api)
    broken = make(api.project, name="Broken", slug="broken", question={"steps": []}, is_recorded=True)
    make(api.project, is_recorded=True)
    now = timezone.now()
    record(now, 60)
    broken.refresh_from_db()
    assert "steps: Must be a list" in broken.problem
    assert ("buying",) in points(api, "funnel_conversion_ratio")
    assert not SavedFunnel.objects.filter(project=api.project, is_recorded=True, record_at=None).exists()


def test_a_task_without_funnels_to_record_does_nothing(project: Project) -> None:
    make(project)
    assert not DUE.has_rows(timezone.now())
    make(project, name="Another", slug="another", is_recorded=True)
    assert DUE.has_rows(timezone.now())


def test_a_recorded_funnel_leads_to_its_metric_and_to_a_rule(api: ProjectClient) -> None:
    send_buyers(api)
    make(api.project, is_recorded=True)
    client = superuser_client()
    shown = page(client, api.project, saved="buying", panel="results")
    assert "metric_name=funnel_conversion_ratio" in shown
    assert "threshold=0.2&" in shown
    member = member_client(api.project, "events.event")
    assert "Make a rule" not in page(member, api.project, saved="buying", panel="results")


def test_the_limit_of_the_rule_is_of_the_days_that_are_recorded(api: ProjectClient) -> None:
    send_buyers(api)
    make(api.project, is_recorded=True, recorded_days=30)
    client = superuser_client()

    def a_week() -> str:
        return page(client, api.project, saved="buying", panel="results", range="7d")

    assert "threshold=" not in a_week()  # nothing is recorded yet
    send(api, ("eve", "seen", -20 * 1440), ("eve", "added", 1 - 20 * 1440), ("eve", "paid", 2 - 20 * 1440))
    record(timezone.now(), 60)
    assert "Converted 25 %" in words(a_week())
    assert "threshold=0.32&" in a_week()

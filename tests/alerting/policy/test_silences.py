"""Silences by API: made, changed, expired, never deleted; what they hide, before and after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from alerting.models import Alert, InhibitionRule, MaintenanceWindow, Silence
from alerting.policy import silences
from alerting.policy.muting import silenced_ids
from alerting.policy.silences import matchers_for, silence_alert
from projects.models import Project
from tests.alerting.policy.stage import end, fire
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

PATH = "/api/v1/silences/"
HOUR = timedelta(hours=1)


@pytest.fixture
def project(db: None) -> Project:
    return make_project("shop")


@pytest.fixture
def api(project: Project) -> ProjectClient:
    return client_of(project)


def make(api: ProjectClient, *matchers: str, **changes: Any) -> dict[str, Any]:
    body = {"matchers": matchers, "duration_minutes": 60, "comment": "known", **changes}
    answer = api.post(PATH, body)
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def test_a_silence_says_who_made_it_and_in_which_state_it_is(api: ProjectClient) -> None:
    made = make(api, "host_name=web-1", 'severity=~"warning|error"')
    assert made["matchers"] == ['host_name="web-1"', 'severity=~"warning|error"']
    assert (made["author"], made["state"], made["replaces"]) == ("api key test", "active", None)
    later = (timezone.now() + HOUR).isoformat()
    assert make(api, "host_name=web-1", starts_at=later)["state"] == "pending"
    assert [one["state"] for one in api.results(f"{PATH}?state=pending")] == ["pending"]
    assert api.get(f"{PATH}{made['id']}/").json() == made


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"matchers": []}, "matchers"),
        ({"matchers": ['host_name=~".*"']}, "matchers"),
        ({"matchers": ["host_name"]}, "matchers"),
        ({"comment": ""}, "comment"),
        ({"duration_minutes": None, "ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({"duration_minutes": None}, "ends_at"),
        ({"duration_minutes": 10**12}, "duration_minutes"),
        ({"ends_at": "2099-01-01T00:00:00Z"}, "ends_at"),
        ({"until": "soon"}, "until"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused_by_field(
    api: ProjectClient, changes: dict[str, Any], field: str
) -> None:
    body = {"matchers": ["a=b"], "duration_minutes": 60, "comment": "known", **changes}
    answer = api.post(PATH, {name: value for name, value in body.items() if value is not None})
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert Silence.objects.count() == 0


def test_other_matchers_make_another_silence_and_expire_this_one(api: ProjectClient) -> None:
    made = make(api, "host_name=web-1")
    longer = api.patch(f"{PATH}{made['id']}/", {"ends_at": "2099-01-01T00:00:00Z", "comment": "still"}).json()
    assert (longer["id"], longer["comment"]) == (made["id"], "still")
    other = api.patch(f"{PATH}{made['id']}/", {"matchers": ["host_name=web-2"]}).json()
    assert other["replaces"] == made["id"] != other["id"]
    assert api.get(f"{PATH}{made['id']}/").json()["state"] == "expired"
    refused = api.patch(f"{PATH}{made['id']}/", {"comment": "too late"})
    assert refused.status_code == 400


def test_a_silence_is_expired_and_never_deleted(api: ProjectClient, other_api: ProjectClient) -> None:
    made = make(api, "host_name=web-1")
    assert api.delete(f"{PATH}{made['id']}/").status_code == 405
    assert other_api.post(f"{PATH}{made['id']}/expire/", {}).status_code == 404
    for _ in range(2):
        answer = api.post(f"{PATH}{made['id']}/expire/", {})
        assert (answer.status_code, answer.json()["state"]) == (200, "expired")


def test_a_preview_shows_what_is_hidden_now_and_would_have_been_in_seven_days(
    api: ProjectClient, project: Project
) -> None:
    now = timezone.now()
    fire(project, now=now - HOUR, labels={"host_name": "web-1"})
    ended = fire(project, now=now - timedelta(days=2), labels={"host_name": "web-1"}, rule="Ended")
    end(ended, now - timedelta(days=1))
    fire(project, now=now - timedelta(days=8), labels={"host_name": "web-1"}, rule="Old and open")
    fire(project, now=now - HOUR, labels={"host_name": "web-2"})
    shown = api.post(f"{PATH}preview/", {"matchers": ["host_name=web-1"]}).json()
    assert (shown["open_count"], shown["recent_count"], shown["is_cut"]) == (2, 2, False)
    assert [one["rule_name"] for one in shown["recent_alerts"]] == ["High Error Rate", "Ended"]
    assert api.post(f"{PATH}preview/", {"matchers": ["a=~.*"]}).status_code == 400


def test_an_alert_says_that_it_is_silenced_while_it_is_open(api: ProjectClient, project: Project) -> None:
    now = timezone.now()
    silenced = fire(project, now=now, labels={"host_name": "web-1"})
    fire(project, now=now, labels={"host_name": "web-2"})
    make(api, "host_name=web-1")

    def answers() -> dict[str, bool]:
        return {one["labels"]["host_name"]: one["is_silenced"] for one in api.results("/api/v1/alerts/")}

    assert answers() == {"web-1": True, "web-2": False}
    assert api.get(f"/api/v1/alerts/{silenced.pk}/").json()["is_silenced"] is True
    MaintenanceWindow.objects.create(project=project, name="now", starts_at=now - HOUR, duration_minutes=120)
    assert answers() == {"web-1": True, "web-2": True}
    end(silenced, now)
    assert answers() == {"web-1": False, "web-2": True}


def test_the_list_of_alerts_takes_as_many_queries_for_many_as_for_one(
    api: ProjectClient, project: Project
) -> None:
    make(api, "host_name=web-1")
    counted = []
    for number in (1, 20):
        for _ in range(number):
            fire(project, now=timezone.now())
        with CaptureQueriesContext(connection) as queries:
            api.get("/api/v1/alerts/")
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_silencing_one_alert_leaves_the_others_of_its_rule_alone(project: Project) -> None:
    now = timezone.now()
    for name in ("severity", "rule", "host name", 'say "hi"'):
        meant, other = fire(project, now=now, labels={name: "a"}), fire(project, now=now, labels={name: "b"})
        silence_alert(meant, duration=HOUR, author="ana", comment="known", now=now)
        assert silenced_ids([meant, other], now) == {meant.pk}


def test_whether_alerts_are_silenced_is_asked_without_reading_all_that_fire(
    project: Project, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    InhibitionRule.objects.create(
        project=project, name="root", source_matchers=["rule=Root"], target_matchers=["rule!=Root"]
    )
    for _ in range(3):
        fire(project, now=timezone.now())
    alerts = list(Alert.objects.select_related("project"))
    with django_assert_num_queries(2):
        assert silenced_ids(alerts, timezone.now()) == set()


def test_the_narrowest_matchers_for_alerts_name_their_rules_and_shared_labels(project: Project) -> None:
    one = fire(project, rule="Disk (full)", labels={"host_name": "a", "region": "eu", "severity": "x"})
    two = fire(project, rule="CPU", labels={"host_name": "b", "region": "eu"})
    alone = matchers_for([one])
    assert alone == ['rule="Disk (full)"', 'host_name="a"', 'region="eu"', 'labels.severity="x"']
    both = matchers_for([one, two])
    assert both == ['rule=~"CPU|Disk \\\\(full\\\\)"', 'region="eu"']
    hidden = client_of(project).post(f"{PATH}preview/", {"matchers": both}).json()
    assert hidden["open_count"] == Alert.objects.filter(project=project).count() == 2


def test_there_is_an_end_to_silences_of_a_project(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silences, "MAX_RUNNING", 2)
    first = make(api, "host_name=web-1")
    make(api, "host_name=web-2")
    answer = api.post(PATH, {"matchers": ["host_name=web-3"], "duration_minutes": 60, "comment": "known"})
    assert answer.status_code == 400
    assert "end some first" in str(answer.json())
    api.post(f"{PATH}{first['id']}/expire/", {})
    make(api, "host_name=web-3")

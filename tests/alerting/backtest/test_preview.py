"""The preview below the rule form, as the page asks for it."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.utils import timezone

from alerting.admin.rule_preview import summary
from alerting.backtest import run
from alerting.backtest.tally import Sum
from alerting.models import Rule
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.alerting.forms import filled_in
from tests.alerting.scenes import make_rule, send_points
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

ADD, NEW = "/admin/alerting/rule/add/", "/admin/alerting/rule/preview/"


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


def ask(admin: Client, page: str = ADD, url: str = NEW, **fields: Any) -> Any:
    """Post what the page's form holds, with these fields filled in."""
    shown = filled_in(admin.get(page).content.decode(), "rule_form")
    return admin.post(url, {"preview_range": "6h", **shown, **fields})


def editor_client(project: Project) -> Client:
    user = User.objects.create_user("editor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="alerting"))
    project.members.add(user)
    client = Client()
    client.force_login(user)
    return client


CPU = {"watch": "metric_threshold:system_metric", "metric": "cpu_usage", "operator": ">", "threshold": "80"}


def test_it_counts_in_words_what_the_rule_would_have_done(admin: Client, api: ProjectClient) -> None:
    send_points(api, [96, 12], timezone.now(), spacing_seconds=1800)
    page = ask(admin, **CPU).content.decode()
    assert "In the last 6 h it would have fired once, 30 min in all, 2 messages to each channel." in page
    assert 'class="band-firing"' in page
    assert "threshold 80" in page
    assert 'data-threshold="80"' in page
    assert not Rule.objects.exists()


def test_a_limit_too_far_away_is_named_and_leaves_the_line_its_height(
    admin: Client, api: ProjectClient
) -> None:
    send_points(api, [96, 12], timezone.now(), spacing_seconds=1800)
    page = ask(admin, **{**CPU, "threshold": "1e300"}).content.decode()
    assert "threshold 1e+300 ↑" in page
    assert 'class="limit limit-threshold"' not in page
    assert 'text-anchor="end">100</text>' in page, "the axis ends above the values"


def test_a_ratios_thresholds_are_percent(admin: Client, api: ProjectClient) -> None:
    send_points(api, [0.18, 0.02], timezone.now(), spacing_seconds=1800, metric_unit="ratio")
    page = ask(admin, **{**CPU, "threshold": "0.05"}).content.decode()
    assert "threshold 5 %" in page
    assert 'data-threshold="0.05"' in page
    assert '<span class="rule-curve-threshold">5 %</span>' in page


def test_a_firing_that_cleared_at_the_next_look_took_under_a_minute() -> None:
    total = Sum(fires=1, messages=2)
    assert summary(total, "In the last 6 h") == (
        "In the last 6 h it would have fired once, under a minute in all, 2 messages to each channel."
    )


def test_a_name_and_somebody_to_tell_are_not_needed(admin: Client, api: ProjectClient) -> None:
    send_points(api, [12], timezone.now())
    page = ask(admin, **CPU, name="", emails="no address").content.decode()
    assert "In the last 6 h it would not have fired." in page


def test_errors_are_said_in_the_words_of_the_form(admin: Client, project: Project) -> None:
    page = ask(admin, watch=CPU["watch"]).content.decode()
    assert "Still to fill in: Metric, Threshold." in page
    page = ask(admin, **{**CPU, "threshold": "many"}, recovery_threshold="1").content.decode()
    assert "Threshold: Enter a number." in page


def test_without_data_it_says_so(admin: Client, project: Project) -> None:
    page = ask(admin, **CPU, preview_range="24h").content.decode()
    assert f"In the last 24 h there is no data of cpu_usage in {project.name}." in page


@pytest.mark.parametrize(
    ("period", "words"),
    [
        ({"preview_start": "2026-01-31T14:30", "preview_end": "soon"}, "Write both times as"),
        ({"preview_start": "2026-01-31T14:30", "preview_end": ""}, "Say from when to when."),
        ({"preview_start": "2020-01-31T14:30", "preview_end": "2020-02-01T00:00"}, "kept for 180 days"),
    ],
)
def test_a_period_that_cannot_be_had_is_said(
    admin: Client, project: Project, period: dict[str, str], words: str
) -> None:
    assert words in ask(admin, **CPU, preview_range="own", **period).content.decode()


def test_a_stored_rule_is_tried_as_the_form_has_it_and_stays_as_it_is(
    admin: Client, api: ProjectClient
) -> None:
    rule = make_rule(api)
    send_points(api, [70], timezone.now(), host_name="web-1")
    page, url = f"/admin/alerting/rule/{rule.pk}/change/", f"/admin/alerting/rule/{rule.pk}/preview/"
    assert "would not have fired" in ask(admin, page, url).content.decode()
    assert "would have fired once" in ask(admin, page, url, threshold="60").content.decode()
    rule.refresh_from_db()
    assert rule.condition_config["threshold"] == 80


def test_the_page_is_told_to_ask_again_while_another_backtest_runs(admin: Client, project: Project) -> None:
    other = connection.copy()
    other.set_autocommit(False)
    with closing(other), other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [run.LOCK_CLASS, project.pk])
        assert ask(admin, **CPU).status_code == 429
        other.rollback()


def test_only_who_may_edit_rules_of_the_project_sees_it(
    admin: Client, api: ProjectClient, other_project: Project
) -> None:
    rule = make_rule(api)
    send_points(api, [96], timezone.now(), host_name="web-1")
    page = f"/admin/alerting/rule/{rule.pk}/change/"
    shown = {"preview_range": "6h", **filled_in(admin.get(page).content.decode(), "rule_form")}
    url = f"/admin/alerting/rule/{rule.pk}/preview/"

    stranger = editor_client(other_project)
    assert stranger.post(url, shown).status_code == 404
    refused = stranger.post(NEW, {**shown, "project": api.project.pk}).content.decode()
    assert "Project: Select a valid choice" in refused

    reader = member_client(api.project, "alerting.rule")
    assert reader.post(url, shown).status_code == 403
    assert reader.post(NEW, shown).status_code == 403
    assert "rule_preview" not in reader.get(page).content.decode().replace("rule_preview.", "")
    assert Client().post(url, shown).status_code == 302


def test_it_takes_posts_of_the_page_only(admin: Client, project: Project) -> None:
    assert admin.get(NEW).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin.cookies
    assert strict.post(NEW, CPU).status_code == 403


def test_two_severities_that_are_the_same_are_an_error_of_the_form(admin: Client, project: Project) -> None:
    shown = filled_in(admin.get(ADD).content.decode(), "rule_form")
    answer = admin.post(
        ADD, {**shown, **CPU, "name": "cpu", "severity": "critical", "critical_threshold": "90"}
    )
    assert answer.status_code == 200
    assert "Must be below critical where there is a critical threshold." in answer.content.decode()

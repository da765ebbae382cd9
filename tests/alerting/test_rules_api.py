"""Rules and channels over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from alerting.models import NotificationChannel, Rule
from alerting.starter_rules import create_starter_rules
from projects.models import Project
from tests.alerting.scenes import CPU_RULE, ERROR_RULE, make_rule
from tests.clients import ProjectClient, client_of

pytestmark = pytest.mark.django_db

RULES = "/api/v1/alert-rules/"
CHANNELS = "/api/v1/notification-channels/"
MAIL = {"name": "ops-email", "kind": "email", "config": {"recipients": ["ops@example.org"]}}
BOT = {"name": "ops-slack", "kind": "slack", "config": {"bot_token": "xoxb-0123456789", "channel": "#ops"}}

SPAN_RULE = {
    **CPU_RULE,
    "source_type": "trace",
    "condition_config": {"metric": "span_count", "operator": ">", "threshold": 1},
}


def rule_with(
    base: Any = CPU_RULE, condition: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    return {**base, "condition_config": {**base["condition_config"], **(condition or {})}, **changes}


def test_a_rule_comes_back_as_it_was_sent_with_defaults_and_health(api: ProjectClient) -> None:
    api.post(CHANNELS, MAIL)
    sent = rule_with(notification_channels=["ops-email"], notification_config={"email": ["ana@example.org"]})
    made = api.post(RULES, sent).json()
    assert {name: made[name] for name in sent} == sent
    assert (made["evaluation_interval_seconds"], made["for_seconds"], made["no_data"]) == (60, 0, "keep")
    assert (made["enabled"], made["health"], made["last_error"]) == (True, "unknown", "")
    assert api.get(f"{RULES}{made['id']}").json() == made
    assert api.results(RULES) == [made]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ([], "non_field_errors"),
        (rule_with(surprise=1), "surprise"),
        (rule_with(rule_type="guess"), "rule_type"),
        (rule_with(source_type="telemetry_event"), "source_type"),
        (rule_with(ERROR_RULE, source_type="trace"), "source_type"),
        (rule_with(source_type="logs"), "source_type"),
        (rule_with(severity="bad"), "severity"),
        (rule_with(evaluation_interval_seconds=0), "evaluation_interval_seconds"),
        (rule_with(evaluation_interval_seconds=10**12), "evaluation_interval_seconds"),
        (rule_with(no_data="ignore"), "no_data"),
        (rule_with(name="a\0b"), "name"),
        (rule_with(recovery_threshold=90), "recovery_threshold"),
        (rule_with(recovery_threshold="NaN"), "recovery_threshold"),
        (rule_with(condition={"operator": "=="}, recovery_threshold=80), "recovery_threshold"),
        (rule_with(notification_channels=["nowhere"]), "notification_channels"),
        (rule_with(notification_config={"sms": []}), "notification_config"),
        (rule_with(notification_config={"email": ["nobody"]}), "notification_config"),
        (rule_with(notification_config={"email": [5]}), "notification_config"),
        (rule_with(notification_config={"email": None}), "notification_config"),
        (rule_with(notification_config={"slack": None}), "notification_config"),
        (rule_with(notification_config={"slack": {"channel": "#ops"}}), "notification_config"),
        (rule_with(condition_config=[]), "condition_config"),
        (rule_with(condition_config="cpu"), "condition_config"),
    ],
)
def test_a_wrong_rule_is_refused_by_field(api: ProjectClient, body: Any, field: str) -> None:
    answer = api.post(RULES, body)
    assert answer.status_code == 400
    assert next(iter(answer.json()["errors"])) == field
    assert not Rule.objects.exists()


@pytest.mark.parametrize(
    ("base", "condition", "errors"),
    [
        (CPU_RULE, {"metrik": "cpu", "extra": 1}, {"metrik": "Unknown key.", "extra": "Unknown key."}),
        (CPU_RULE, {"metric": 5}, {"metric": "Must be text, not a number."}),
        (CPU_RULE, {"threshold": "high"}, {"threshold": "Must be a number, not text."}),
        (CPU_RULE, {"operator": "=>"}, {"operator": "Must be one of > >= < <= == !=."}),
        (
            CPU_RULE,
            {"aggregation": "median"},
            {"aggregation": "Must be one of avg min max sum count last p50 p90 p95 p99 rate."},
        ),
        (
            CPU_RULE,
            {"time_window_minutes": -1},
            {"time_window_minutes": "Must be more than 0 and at most 10080 (a week)."},
        ),
        (CPU_RULE, {"group_by": "host_name"}, {"group_by": "Must be a list, not text."}),
        (CPU_RULE, {"group_by": ["*", "host_name"]}, {"group_by": "'*' keeps every label and stands alone."}),
        (
            CPU_RULE,
            {"filters": {"a": ["b"]}},
            {"filters": "a: must be text, a number, true or false."},
        ),
        (
            CPU_RULE,
            {"group_by": [f"tags.t{number}" for number in range(21)]},
            {"group_by": "Must have at most 20 names, not 21."},
        ),
        (
            ERROR_RULE,
            {"filters": {f"tags.t{number}": "x" for number in range(51)}},
            {"filters": "Must have at most 50 keys, not 51."},
        ),
        (
            CPU_RULE,
            {"filters": {"a": "x" * 201}},
            {"filters": "a: must have at most 200 characters, and no NUL."},
        ),
        (ERROR_RULE, {"aggregation": "avg"}, {"aggregation": "Unknown key."}),
        (ERROR_RULE, {"filters": {"event_type": "x"}}, {"filters": "event_type is given twice."}),
        (
            ERROR_RULE,
            {"group_by": ["*"]},
            {"group_by": "Name the columns: events have no fixed set of labels."},
        ),
    ],
)
def test_a_wrong_condition_is_refused_by_its_keys(
    api: ProjectClient, base: Any, condition: dict[str, Any], errors: dict[str, str]
) -> None:
    answer = api.post(RULES, rule_with(base, condition))
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"condition_config": errors}


def test_every_missing_key_is_named(api: ProjectClient) -> None:
    answer = api.post(RULES, rule_with(condition_config={}))
    missing = {"metric", "operator", "threshold"}
    assert set(answer.json()["errors"]["condition_config"]) == missing


def test_an_event_column_that_is_none_is_refused_with_those_there_are(api: ProjectClient) -> None:
    answer = api.post(RULES, rule_with(ERROR_RULE, {"filters": {"host": "web-1"}}))
    message = answer.json()["errors"]["condition_config"]["filters"]
    assert message.startswith("host: Is not one of id, event_type,")
    assert message.endswith("tags.<key>, properties.<key>.")


@pytest.mark.parametrize("body", [b"{", b'{"name": NaN}', b'{"name": "\\ud800"}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_json_is_refused(api: ProjectClient, body: bytes) -> None:
    answer = api.post(RULES, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


def test_a_body_of_many_megabytes_is_refused(api: ProjectClient) -> None:
    assert api.post(RULES, b" " * 1_000_001).status_code == 413


def test_a_patch_changes_what_it_names_and_checks_the_whole(api: ProjectClient) -> None:
    api.post(CHANNELS, MAIL)
    rule = make_rule(api, notification_channels=["ops-email"])
    path = f"{RULES}{rule.pk}/"
    assert api.patch(path, {"severity": "critical"}).json()["notification_channels"] == ["ops-email"]
    assert api.patch(path, {"source_type": "telemetry_event"}).status_code == 400
    assert api.patch(path, {"notification_channels": []}).json()["notification_channels"] == []
    rule.refresh_from_db()
    assert (rule.severity, rule.source_type) == ("critical", "system_metric")


def test_a_deleted_rule_is_gone_for_readers_and_kept_as_history(api: ProjectClient) -> None:
    rule = make_rule(api)
    path = f"{RULES}{rule.pk}/"
    assert api.delete(path).status_code == 204
    assert [api.get(path).status_code, api.patch(path, {}).status_code, api.delete(path).status_code] == [
        404
    ] * 3
    assert api.results(RULES) == []
    assert Rule.objects.get(pk=rule.pk).deleted_at


def test_another_slack_channel_goes_only_with_a_bot_token(api: ProjectClient) -> None:
    api.post(CHANNELS, BOT)
    make_rule(
        api,
        notification_channels=["ops-slack"],
        notification_config={"slack": {"channel": "#checkout"}},
    )


@pytest.mark.parametrize("path", [RULES, CHANNELS])
def test_other_projects_settings_are_not_there(
    api: ProjectClient, other_api: ProjectClient, path: str
) -> None:
    made = api.post(path, dict(CPU_RULE) if path == RULES else MAIL).json()
    one = f"{path}{made['id']}/"
    assert other_api.results(path) == []
    answers = [other_api.get(one), other_api.patch(one, {"name": "mine"}), other_api.delete(one)]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert api.get(one).json() == made


def test_a_channel_of_another_project_can_not_be_chosen(api: ProjectClient, other_api: ProjectClient) -> None:
    other_api.post(CHANNELS, MAIL)
    assert api.post(RULES, rule_with(notification_channels=["ops-email"])).status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", RULES),
        ("PATCH", f"{RULES}1/"),
        ("DELETE", f"{RULES}1/"),
        ("POST", CHANNELS),
        ("DELETE", f"{CHANNELS}1/"),
    ],
)
def test_changing_settings_takes_the_scope_manage(project: Project, method: str, path: str) -> None:
    reader = client_of(project, ["read", "ingest"])
    assert reader.send(method, path, b"{}").status_code == 403
    assert reader.get(RULES).status_code == 200


@pytest.mark.parametrize("path", ["alert-rules", "notification-channels", "alerts", "notifications"])
def test_paths_answer_with_and_without_a_slash_and_name_unknown_parameters(
    api: ProjectClient, path: str
) -> None:
    assert [api.get(f"/api/v1/{path}{end}").status_code for end in ("", "/")] == [200, 200]
    answer = api.get(f"/api/v1/{path}/?colour=red")
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")
    assert [api.get(f"/api/v1/{path}/{bad}/").status_code for bad in ("0", "x", "9" * 40)] == [404] * 3
    assert api.send("PUT", f"/api/v1/{path}/").status_code == 405


def test_lists_are_filtered_and_paged(api: ProjectClient) -> None:
    names = [make_rule(api, name=f"rule {number}", severity="info").name for number in range(3)]
    make_rule(api, name="other", severity="critical")
    assert [rule["name"] for rule in api.results(f"{RULES}?severity=info&page_size=2")] == names[::-1]
    assert [rule["name"] for rule in api.results(f"{RULES}?name=other&enabled=true")] == ["other"]
    assert api.get(f"{RULES}?severity=dire").status_code == 400


def test_a_channel_never_shows_its_secrets_and_sends_nothing_when_made(api: ProjectClient) -> None:
    made = api.post(CHANNELS, BOT)
    assert made.status_code == 201
    body = made.json()
    assert body["config"] == {"bot_token": "set", "channel": "#ops"}
    assert b"xoxb-0123456789" not in api.get(f"{CHANNELS}{body['id']}/").content + api.get(CHANNELS).content
    assert "xoxb" not in NotificationChannel.objects.get().config_encrypted
    assert api.results("/api/v1/notifications/") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**MAIL, "kind": "pigeon"}, "kind"),
        ({**MAIL, "config": {"recipients": ["nobody"]}}, "config"),
        ({**MAIL, "config": {"to": []}}, "config"),
        ({**MAIL, "config": 5}, "config"),
        ({**MAIL, "secret": 5}, "secret"),
        ({"name": "x", "kind": "slack", "config": {"webhook_url": "ftp://example.org"}}, "config"),
    ],
)
def test_a_wrong_channel_is_refused_by_field(api: ProjectClient, body: Any, field: str) -> None:
    answer = api.post(CHANNELS, body)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_a_channel_name_is_taken_once_in_a_project(api: ProjectClient, other_api: ProjectClient) -> None:
    assert [one.post(CHANNELS, MAIL).status_code for one in (api, other_api, api)] == [201, 201, 400]


def test_a_change_keeps_secrets_that_it_does_not_name_and_mends_a_broken_channel(api: ProjectClient) -> None:
    made = api.post(CHANNELS, BOT).json()
    NotificationChannel.objects.update(broken_at=made["created_at"], broken_reason="channel_not_found")
    changed = api.patch(f"{CHANNELS}{made['id']}/", {"config": {"channel": "#new"}}).json()
    assert (changed["config"], changed["broken_at"]) == ({"bot_token": "set", "channel": "#new"}, None)
    assert NotificationChannel.objects.get().config == {"bot_token": "xoxb-0123456789", "channel": "#new"}
    assert api.patch(f"{CHANNELS}{made['id']}/", {"kind": "email"}).status_code == 400


def test_a_channel_whose_secrets_are_lost_takes_new_ones(api: ProjectClient, settings: Settings) -> None:
    made = api.post(CHANNELS, BOT).json()
    NotificationChannel.objects.update(paused_until=made["created_at"])
    settings.SECRET_KEY = "another"
    url = f"{CHANNELS}{made['id']}/"
    answer = api.patch(url, {"config": {"channel": "#new"}})
    assert answer.status_code == 400
    assert answer.json()["errors"] == {
        "config": {"webhook_url": "Enter a webhook URL, or a bot token and a channel."}
    }
    changed = api.patch(url, {"config": BOT["config"]})
    assert (changed.status_code, changed.json()["paused_until"]) == (200, None)
    assert NotificationChannel.objects.get().config == BOT["config"]


def test_a_slack_channel_of_a_rules_own_needs_a_readable_bot_token(
    api: ProjectClient, settings: Settings
) -> None:
    api.post(CHANNELS, BOT)
    rule = rule_with(notification_channels=["ops-slack"], notification_config={"slack": {"channel": "#db"}})
    assert api.post(RULES, rule).status_code == 201
    settings.SECRET_KEY = "another"
    answer = api.post(RULES, rule)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["notification_config"]


@pytest.mark.parametrize(
    ("base", "name"),
    [(ERROR_RULE, "id"), (ERROR_RULE, "trace_id"), (SPAN_RULE, "trace_id"), (SPAN_RULE, "span_id")],
)
def test_a_rule_can_not_group_by_what_differs_in_every_row(
    api: ProjectClient, base: dict[str, Any], name: str
) -> None:
    answer = api.post(RULES, rule_with(base, {"group_by": [name]}))
    assert answer.status_code == 400
    assert name in answer.json()["errors"]["condition_config"]["group_by"]


def test_starter_rules_are_made_once_and_stay_deleted(api: ProjectClient, project: Project) -> None:
    create_starter_rules(project)
    names = {rule["name"] for rule in api.results(RULES)}
    assert names == {"High CPU Usage", "High Error Rate", "Slow Response Times"}
    api.delete(f"{RULES}{Rule.objects.get(name='High CPU Usage').pk}/")
    create_starter_rules(project)
    assert {rule["name"] for rule in api.results(RULES)} == names - {"High CPU Usage"}

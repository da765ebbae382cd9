"""Times in the admin are the reader's: the browser names its zone in a cookie, for what is shown and what is taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from alerting.models import MaintenanceWindow, Silence
from projects.models import Project
from tests.admin import superuser_client
from tests.alerting.inbox.scene import alert
from tests.alerting.scenes import make_rule, send_points, tick
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

KOLKATA = ZoneInfo("Asia/Kolkata")
SILENCE = "/admin/alerting/silence/add/"


@pytest.fixture
def reader(db: None) -> Client:
    client = superuser_client()
    client.cookies["timezone"] = "Asia/Kolkata"
    return client


def moment() -> datetime:
    return (timezone.now() + timedelta(days=1)).replace(second=0, microsecond=0)


def there(at: datetime, style: str) -> str:
    return at.astimezone(KOLKATA).strftime(style)


def test_a_silences_form_takes_and_shows_the_readers_clock(reader: Client, project: Project) -> None:
    end = moment()
    form = reader.get(SILENCE).content.decode()
    assert "Time in Asia/Kolkata" in form
    fields = {"project": project.pk, "matchers": "a=b", "lasts": "until", "comment": "deploy"}
    answer = reader.post(SILENCE, {**fields, "ends_at": there(end, "%Y-%m-%dT%H:%M")})
    assert answer.status_code == 302, answer.content
    made = Silence.objects.get()
    assert made.ends_at == end
    page = reader.get(f"/admin/alerting/silence/{made.pk}/change/").content.decode()
    assert there(end, 'value="%Y-%m-%dT%H:%M"') in page


def test_a_maintenance_window_stays_on_the_clock_of_its_own_zone(reader: Client, project: Project) -> None:
    window = MaintenanceWindow.objects.create(
        project=project,
        name="Backup",
        starts_at=datetime(2030, 6, 1, 0, 30, tzinfo=UTC),
        duration_minutes=60,
        time_zone="Europe/Berlin",
    )
    url = f"/admin/alerting/maintenancewindow/{window.pk}/change/"
    assert 'value="2030-06-01T02:30"' in reader.get(url).content.decode()
    fields = {"name": "Backup", "enabled": "on", "duration_minutes": 60, "time_zone": "Europe/Berlin"}
    # That hour doesn't exist in summer time's first night there: a wall clock takes it all the same.
    answer = reader.post(
        url, {**fields, "starts_at": "2030-03-31T02:30", "repeats": "", "matchers": "", "recurrence": ""}
    )
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    window.refresh_from_db()
    assert window.starts_at.astimezone(UTC).date() == datetime(2030, 3, 31, tzinfo=UTC).date()
    new = reader.get("/admin/alerting/maintenancewindow/add/").content.decode()
    assert 'value="Asia/Kolkata"' in new


def test_the_rule_forms_preview_is_on_the_readers_clock(
    reader: Client, project: Project, api: ProjectClient
) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    rule = make_rule(api)
    send_points(api, [90], now - timedelta(minutes=30), host_name="web-1")
    page = reader.get(f"/admin/alerting/rule/{rule.pk}/change/").content.decode()
    assert "> Asia/Kolkata</label>" in page
    start, end = now - timedelta(hours=1), now
    fields = {
        "name": rule.name, "watch": "metric_threshold:system_metric", "metric": "cpu_usage", "aggregation": "avg",
        "operator": ">", "threshold": "80", "time_window_minutes": "5", "group_by": "host_name",
        "severity": "warning", "evaluation_interval_seconds": "60", "evaluation_delay_seconds": "0",
        "for_seconds": "0", "keep_firing_for_seconds": "0", "no_data": "keep", "on_error": "keep",
        "preview_range": "own", "preview_start": there(start, "%Y-%m-%dT%H:%M"),
        "preview_end": there(end, "%Y-%m-%dT%H:%M"),
    }  # fmt: skip
    shown = reader.post(f"/admin/alerting/rule/{rule.pk}/preview/", fields).content.decode()
    assert f"From {there(start, '%Y-%m-%d %H:%M')} to {there(end, '%Y-%m-%d %H:%M')} Asia/Kolkata" in shown
    assert "fired once" in shown
    assert "times in Asia/Kolkata" in shown


def test_lists_the_series_page_and_the_storage_page_are_on_the_readers_clock(
    reader: Client, project: Project, api: ProjectClient
) -> None:
    at = timezone.now().replace(microsecond=0) - timedelta(minutes=3)
    send_points(api, [90], at, host_name="web-1")
    make_rule(api)
    tick(at)
    series = api.results("/api/v1/metrics/series/")[0]["series_id"]
    page = reader.get(f"/admin/metrics/metricseries/{series}/change/").content.decode()
    assert there(at, "%Y-%m-%d %H:%M:%S") in page
    assert "imes in Asia/Kolkata" in page
    fired = alert(project, "Checkout").triggered_at
    assert fired
    listed = reader.get("/admin/alerting/alert/").content.decode()
    assert there(fired, "since %Y-%m-%d %H:%M:%S Asia/Kolkata") in listed
    assert "times in Asia/Kolkata" in reader.get("/admin/storage/").content.decode()


@pytest.mark.parametrize("cookie", ["Mars/Olympus", "../../etc/passwd", "x" * 5_000, "Europe"])
def test_a_zone_that_does_not_exist_is_utc(reader: Client, project: Project, cookie: str) -> None:
    reader.cookies["timezone"] = cookie
    assert "Time in UTC" in reader.get(SILENCE).content.decode()


def test_the_api_knows_no_readers_clock(project: Project, api: ProjectClient) -> None:
    send_points(api, [90], timezone.now(), host_name="web-1")
    answer = api.send("GET", "/api/v1/metrics/", HTTP_COOKIE="timezone=Asia/Kolkata")
    assert answer.json()["results"][0]["timestamp"].endswith(("Z", "+00:00"))

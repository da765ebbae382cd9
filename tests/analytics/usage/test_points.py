"""Metric points of features, and what a rule makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from analytics.models.features import Feature
from analytics.usage import points
from storage import writer
from storage.writer import QueueFull
from tests.admin import superuser_client
from tests.analytics.usage.scene import roll_up, send
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(microsecond=0)


def used(days_ago: float, user_id: str, event_name: str = "opened", **properties: Any) -> dict[str, Any]:
    return {
        "event_name": event_name,
        "timestamp": NOW - timedelta(days=days_ago),
        "user_id": user_id,
        "properties": properties,
    }


def define(api: ProjectClient, slug: str, matcher: dict[str, Any], window_days: int = 7) -> Feature:
    return Feature.objects.create(
        project=api.project, slug=slug, name=slug, matcher=matcher, window_days=window_days
    )


def written(api: ProjectClient) -> dict[str, list[float]]:
    """Values by feature, the oldest first."""
    found: dict[str, list[float]] = {}
    for point in api.results(f"/api/v1/metrics/?metric_name={points.METRIC}")[::-1]:
        found.setdefault(point["tags"]["feature"], []).append(point["metric_value"])
    return found


def test_adoption_is_written_for_each_feature_over_its_own_window(api: ProjectClient) -> None:
    send(
        api,
        [
            used(20, "old", "shared"),
            used(3, "ana", "shared"),
            used(2, "bo", n=2),
            used(2, "cy"),
            used(0.01, "dan"),
        ],
    )
    roll_up(api)
    define(api, "sharing", {"event_name": "shared"})
    define(api, "sharing-in-a-month", {"event_name": "shared"}, window_days=30)
    define(api, "much", {"filters": {"properties.n": {"greater": 1}}})
    points.write(NOW, seconds=60)
    assert written(api) == {"sharing": [0.25], "sharing-in-a-month": [0.4], "much": [0.25]}


def test_a_point_comes_every_five_minutes_and_nobody_is_no_point(
    api: ProjectClient, other_api: ProjectClient
) -> None:
    send(api, [used(1, "ana", "shared")])
    define(api, "sharing", {"event_name": "shared"})
    define(other_api, "sharing", {"event_name": "shared"})
    for minutes in (0, 1, 6):
        points.write(NOW + timedelta(minutes=minutes), seconds=60)
    assert written(api) == {"sharing": [1, 1]}
    assert written(other_api) == {}


def test_a_feature_that_can_not_be_read_stops_no_other(api: ProjectClient) -> None:
    send(api, [used(1, "ana", "shared")])
    define(api, "broken", {"event": "shared"})
    define(api, "sharing", {"event_name": "shared"})
    points.write(NOW, seconds=60)
    assert written(api) == {"sharing": [1]}
    assert not points.DUE.has_rows(NOW + timedelta(minutes=4))


def test_a_point_that_could_not_be_stored_is_logged_and_the_next_one_comes(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    send(api, [used(1, "ana", "shared")])
    define(api, "sharing", {"event_name": "shared"})
    with monkeypatch.context() as patched:
        patched.setattr(writer.GroupWriter, "write", _refuse)
        points.write(NOW, seconds=60)
    assert f"adoption of features of project {api.project.pk} was not stored" in caplog.text
    assert written(api) == {}
    points.write(NOW + timedelta(minutes=6), seconds=60)
    assert written(api) == {"sharing": [1]}


def _refuse(*_: Any) -> None:
    raise QueueFull


def test_the_limit_of_a_rule_is_of_the_points_that_it_will_watch(api: ProjectClient) -> None:
    send(api, [used(20, "ana", "shared"), used(19, "bo", "shared"), used(2, "cy", "shared"), used(2, "dan")])
    roll_up(api)
    define(api, "sharing", {"event_name": "shared"})
    client = superuser_client()
    asked = {"project": str(api.project.pk), "range": "90d", "view": "features", "feature": "sharing"}

    def shown() -> str:
        return client.get(reverse("explore_usage"), {**asked, "panel": "feature"}).content.decode()

    assert "Make a rule" in shown()
    assert "threshold=" not in shown()  # nothing is written yet
    points.write(NOW, seconds=60)
    assert "threshold=0.4&amp;" in shown()  # of 1 in 2 in its 7 days, not of 3 in 4

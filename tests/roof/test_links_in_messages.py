"""The worker writes addresses into messages without knowing the pages behind them; web serves them."""

from __future__ import annotations

import uuid

from django.urls import ResolverMatch, resolve
from pytest_django.fixtures import Settings

from alerting import links


def page_at(url: str, origin: str) -> ResolverMatch:
    assert url.startswith(origin)
    return resolve(url.removeprefix(origin))


def test_links_in_messages_lead_to_pages_that_web_serves(settings: Settings) -> None:
    origin, alert_id = settings.PUBLIC_URL, uuid.UUID(int=1)
    alert = page_at(links.alert_url(alert_id), origin)
    acknowledge = page_at(links.acknowledge_url("a-token"), origin)
    assert (alert.view_name, alert.kwargs) == ("admin:alerting_alert_change", {"object_id": str(alert_id)})
    assert page_at(links.alert_url(None), origin).view_name == "admin:alerting_alert_changelist"
    assert (acknowledge.view_name, acknowledge.kwargs) == ("acknowledge", {"token": "a-token"})

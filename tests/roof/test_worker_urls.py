"""The worker loads fewer addresses than web; those it writes into messages are web's."""

from __future__ import annotations

import uuid

import pytest
from django.urls import reverse


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("acknowledge", ["a-token"]),
        ("admin:alerting_alert_change", [uuid.UUID(int=1)]),
        ("admin:alerting_rule_change", [1]),
        ("admin:alerting_silence_change", [uuid.UUID(int=1)]),
        ("admin:alerting_notification_change", [1]),
    ],
)
def test_the_worker_links_to_pages_that_web_serves(name: str, arguments: list[object]) -> None:
    served = reverse(name, args=arguments, urlconf="telemetry_platform.urls")
    assert reverse(name, args=arguments, urlconf="telemetry_platform.worker_urls") == served

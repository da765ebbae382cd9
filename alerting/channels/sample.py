"""A message as it would come, to show what a channel makes of it."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings

from alerting.messages import AlertPart, Message
from alerting.models import Purpose, Status

_SINCE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_LABELS = (("host_name", "web-1"), ("service_name", "checkout"))


def sample_message() -> Message:
    """One firing alert, with a quotation mark where JSON would break on it."""
    alert_url = f"{settings.PUBLIC_URL}/admin/alerting/alert/"
    part = AlertPart(
        alert_id="6f1c1f0e-0000-4000-8000-000000000000",
        fingerprint="0123456789abcdef0123456789abcdef",
        rule='High CPU on "web"',
        severity="warning",
        status=Status.FIRING,
        labels=_LABELS,
        value=93.5,
        threshold=80.0,
        since=_SINCE,
        until=None,
        alert_url=alert_url,
    )
    return Message(
        purpose=Purpose.FIRING,
        project="Shop",
        channel="sample",
        rule=part.rule,
        severity=part.severity,
        labels=_LABELS,
        value="93.5",
        threshold="> 80",
        since=_SINCE,
        alert_url=alert_url,
        acknowledge_url=f"{settings.PUBLIC_URL}/acknowledge/sample/",
        key="0123456789abcdef0123456789abcdef",
        thread_key=f"alert-{part.alert_id}",
        alerts=(part,),
    )

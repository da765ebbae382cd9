"""The page of an alert, as its tests ask for it."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from alerting.models import Alert

NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=90)
MINUTE = timedelta(minutes=1)


def url(one: Alert) -> str:
    return f"/admin/alerting/alert/{one.pk}/change/"


def panel(client: Client, name: str) -> str:
    """A part of the page of the only alert there is."""
    answer = client.get(f"{url(Alert.objects.get())}?panel={name}")
    assert answer.status_code == 200
    return answer.content.decode()

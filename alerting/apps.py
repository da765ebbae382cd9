from __future__ import annotations

from django.apps import AppConfig


class AlertingConfig(AppConfig):
    """Rules become alerts; people are told, and answer."""

    name = "alerting"

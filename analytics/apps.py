from __future__ import annotations

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """What events mean: matchers, funnels, sessions, journeys."""

    name = "analytics"

    def ready(self) -> None:
        from analytics.journeys.changes import note_what_is_rolled_up

        note_what_is_rolled_up()

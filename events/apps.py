from __future__ import annotations

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"

    def ready(self) -> None:
        """Registers the table, so that partitions and retention know it."""
        import events.records  # noqa: F401  # imported for its registration

from __future__ import annotations

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"

    def ready(self) -> None:
        """Registers the tables, so that partitions, retention and roll-ups know them."""
        import events.identities
        import events.rollups  # noqa: F401  # imported for their registration

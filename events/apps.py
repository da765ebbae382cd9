from __future__ import annotations

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"

    def ready(self) -> None:
        """Registers the tables, so that partitions, retention and roll-ups know them, and what workers can do."""
        import events.identities
        import events.rollups  # noqa: F401  # imported for their registration
        from projects.jobs import registry

        registry.declare("export_events", "events.exports")

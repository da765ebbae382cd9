from __future__ import annotations

from django.apps import AppConfig


class TracesConfig(AppConfig):
    name = "traces"

    def ready(self) -> None:
        """Registers tables, so that partitions, retention and roll-ups know them, and what workers can do."""
        import traces.rollups  # noqa: F401  # imported for their registration
        from projects.jobs import registry

        registry.declare("export_spans", "traces.exports")

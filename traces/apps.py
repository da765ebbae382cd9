from __future__ import annotations

from django.apps import AppConfig


class TracesConfig(AppConfig):
    name = "traces"

    def ready(self) -> None:
        """Registers the tables, so that partitions, retention and roll-ups know them."""
        import traces.rollups  # noqa: F401  # imported for its registration

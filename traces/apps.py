from __future__ import annotations

from django.apps import AppConfig


class TracesConfig(AppConfig):
    name = "traces"

    def ready(self) -> None:
        """Registers the table, so that partitions and retention know it."""
        import traces.records  # noqa: F401  # imported for its registration

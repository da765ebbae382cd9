from __future__ import annotations

from django.apps import AppConfig


class MetricsConfig(AppConfig):
    name = "metrics"

    def ready(self) -> None:
        """Registers tables, so that partitions, retention and roll-ups know them, and what workers can do."""
        import metrics.business
        import metrics.exemplars
        import metrics.metadata
        import metrics.rollups  # noqa: F401  # imported for their registration
        from projects.jobs import registry

        registry.declare("export_points", "metrics.exports")

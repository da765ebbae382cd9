from __future__ import annotations

from django.apps import AppConfig


class PlatformConfig(AppConfig):
    name = "telemetry_platform"
    verbose_name = "Telemetry platform"
    default = True

    def ready(self) -> None:
        from projects.jobs.registry import declare
        from telemetry_platform import audit

        for kind in ("rebuild_rollups", "purge"):
            declare(kind, "telemetry_platform.long_work")
        _use_celery_app()
        audit.register()


class BeatConfig(AppConfig):
    """The roof in the beat process, which knows no other room (see `beat_settings`)."""

    name = "telemetry_platform"

    def ready(self) -> None:
        _use_celery_app()


def _use_celery_app() -> None:
    # Here and not in the package's __init__: the supervisor imports the package and has no use for Celery's 20 MB.
    import telemetry_platform.celery  # noqa: F401 - makes it the app of shared tasks, also where they are only sent

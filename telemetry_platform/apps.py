from __future__ import annotations

from django.apps import AppConfig


class BeatConfig(AppConfig):
    """The roof in the beat process, which knows no other room (see `beat_settings`)."""

    name = "telemetry_platform"

    def ready(self) -> None:
        # Here and not in the package's __init__: the supervisor imports the package and has no use for Celery's 20 MB.
        import telemetry_platform.celery  # noqa: F401 - makes it the app of shared tasks, also where they are only sent


class WorkerConfig(BeatConfig):
    """The roof in the worker, which has no pages (see `worker_settings`)."""

    def ready(self) -> None:
        from projects.jobs.registry import declare
        from telemetry_platform import audit

        for kind in ("rebuild_rollups", "purge"):
            declare(kind, "telemetry_platform.long_work")
        super().ready()
        audit.register()


class PlatformConfig(WorkerConfig):
    """The roof in every other process: web, commands, tests."""

    verbose_name = "Telemetry platform"
    default = True

    def ready(self) -> None:
        # Forms and admin pages, which come after this, subscript Django's classes as their annotations have them. It
        # loads the whole admin for that.
        import django_stubs_ext

        django_stubs_ext.monkeypatch()
        super().ready()

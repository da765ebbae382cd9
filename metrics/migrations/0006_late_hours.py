from __future__ import annotations

from importlib import import_module

from django.db import migrations

from storage.operations import ReplaceView, limited_lock_waits

_BEFORE = import_module("metrics.migrations.0004_formats").SERVICE_SUMMARY
_IS_LATE = "(project_id, date_trunc('hour', \"timestamp\", 'UTC')) IN (SELECT project_id, hour FROM invalid)"

SERVICE_SUMMARY = _BEFORE.replace(_IS_LATE, f"({_IS_LATE}) IS TRUE")


class Migration(migrations.Migration):
    """The same view, quick while thousands of late hours wait to be rolled up."""

    dependencies = [("metrics", "0005_exemplars_and_metadata")]

    operations = limited_lock_waits(
        ReplaceView("system_metrics_service_summary", SERVICE_SUMMARY, previous=_BEFORE)
    )

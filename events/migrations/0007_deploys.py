from __future__ import annotations

from django.db import migrations

from storage.operations import AddPartitionedIndex


class Migration(migrations.Migration):
    """Deploys among millions of other events; as rare as they are, their index costs ingest a look at two columns."""

    atomic = False
    dependencies = [("events", "0006_identity_links")]

    operations = [
        AddPartitionedIndex(
            "telemetry_events",
            "telemetry_events_deploys",
            "(project_id, event_timestamp)",
            "event_name IN ('deploy', 'deployment') OR event_type = 'deployment'",
        ),
    ]

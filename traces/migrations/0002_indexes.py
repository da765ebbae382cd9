from __future__ import annotations

from django.db import migrations

from storage.operations import AddPartitionedIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("traces", "0001_initial")]

    operations = [AddPartitionedIndex("traces", "traces_by_trace_id", "(trace_id)")]

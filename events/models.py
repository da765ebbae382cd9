"""Events and log records, and which ids are the same person.

The table of events is made by `storage.operations`; its physical key is in `events.records`.
"""

from __future__ import annotations

import uuid

from django.db import models

from projects.models import Project


class Event(models.Model):
    """Something that happened. `id` is unique only together with project and time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    event_timestamp = models.DateTimeField()
    client_id = models.TextField(null=True, help_text="The id as the client wrote it, where it was no UUID.")
    received_at = models.DateTimeField()
    event_type = models.TextField()
    event_name = models.TextField()
    event_category = models.TextField()
    severity = models.TextField(null=True)
    user_id = models.TextField(null=True)
    anonymous_id = models.TextField(null=True)
    tenant_id = models.TextField(null=True)
    session_id = models.TextField(null=True)
    source = models.TextField(null=True)
    source_ip = models.GenericIPAddressField(null=True)
    user_agent = models.TextField(null=True)
    duration_ms = models.FloatField(null=True)
    trace_id = models.TextField(null=True)
    span_id = models.TextField(null=True)
    tags = models.JSONField()
    event_data = models.JSONField()
    actor = models.TextField(
        db_default="", help_text="User, else anonymous id, else session, else id; '' before it was kept."
    )

    class Meta:
        db_table = "telemetry_events"

    def __str__(self) -> str:
        return self.event_name


class IdentityLink(models.Model):
    """An id that was said to be a user's; see `events.identities`."""

    pk = models.CompositePrimaryKey("project_id", "identifier")
    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    identifier = models.TextField()
    user_id = models.TextField()
    linked_at = models.DateTimeField()

    class Meta:
        db_table = "identity_links"
        indexes = [models.Index(fields=["project", "user_id"], name="identity_links_by_user")]

    def __str__(self) -> str:
        return f"{self.identifier} is {self.user_id}"

"""What is kept of sessions so that each is told to metrics once; see `analytics.sessions.ended`."""

from __future__ import annotations

from django.db import models

from projects.models import Project


class SessionState(models.Model):
    """How far a project's events have been followed, and what metric points have to tell."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    followed_to = models.DateTimeField(help_text="Events before it have been looked at.")
    ended_durations = models.JSONField(default=dict)
    """A distribution of seconds, of sessions that no metric point tells of yet; empty for none."""
    unsent_points = models.JSONField(null=True)
    """Points on their way to the writer, which takes the same ones twice as one."""
    measured_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"state of sessions of project {self.project_id}"


class OpenSession(models.Model):
    """A session that may go on, or one with an id that was told and must not be told again."""

    pk = models.CompositePrimaryKey("project_id", "unit", "session_id")
    project = models.ForeignKey(
        Project, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    unit = models.TextField()
    session_id = models.TextField(help_text="'' where times alone put it together.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="Its last event.")
    is_told = models.BooleanField(default=False)

    class Meta:
        db_table = "open_sessions"
        # Those that may be over. Not by time, which each step changes: PostgreSQL then writes no index anew.
        indexes = [
            models.Index(fields=["project"], name="open_sessions_untold", condition=models.Q(is_told=False))
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.session_id}"

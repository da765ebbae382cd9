"""The audit log: who changed which setting. Keys, secrets and what the platform itself writes are left out."""

from __future__ import annotations

from datetime import datetime

from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django_celery_beat.models import PeriodicTask

from alerting.models import (
    InhibitionRule,
    MaintenanceWindow,
    NotificationChannel,
    NotificationPolicy,
    Rule,
    Silence,
)
from analytics.models import Experiment, ExperimentMetric, Feature, Journey, Milestone, SavedFunnel
from projects.models import ApiKey, Project, RetentionPolicy

AUDITED: dict[type[Model], tuple[str, ...]] = {
    Project: ("name", "slug", "session_gap_minutes"),
    ApiKey: (
        "project",
        "name",
        "kind",
        "prefix",
        "scopes",
        "rate_limit_per_second",
        "record_limit_per_second",
        "allowed_origins",
        "allowed_event_names",
        "revoked_at",
    ),
    RetentionPolicy: (
        "project",
        "events_days",
        "metrics_days",
        "business_days",
        "traces_days",
        "rollup_minutes_days",
        "rollup_hours_days",
        "rollup_days_days",
        "alerts_days",
        "audit_days",
    ),
    NotificationChannel: ("project", "name", "kind", "enabled"),
    Rule: (
        "project",
        "name",
        "description",
        "rule_type",
        "source_type",
        "condition_config",
        "severity",
        "notification_config",
        "evaluation_interval_seconds",
        "for_seconds",
        "keep_firing_for_seconds",
        "recovery_threshold",
        "no_data",
        "enabled",
        "deleted_at",
    ),
    NotificationPolicy: (
        "project",
        "name",
        "position",
        "matchers",
        "group_by",
        "group_wait_seconds",
        "group_interval_seconds",
        "repeat_interval_seconds",
        "enabled",
    ),
    InhibitionRule: ("project", "name", "source_matchers", "target_matchers", "equal_labels", "enabled"),
    Silence: ("project", "matchers", "starts_at", "ends_at", "author", "comment", "replaces"),
    MaintenanceWindow: (
        "project",
        "name",
        "matchers",
        "starts_at",
        "duration_minutes",
        "recurrence",
        "time_zone",
        "comment",
        "enabled",
    ),
    Journey: ("project", "slug", "name", "description", "follow_minutes"),
    Milestone: ("journey", "position", "key", "name", "matcher", "target_minutes", "weight"),
    SavedFunnel: ("project", "name", "description", "question", "is_recorded", "recorded_days"),
    Feature: ("project", "name", "slug", "description", "matcher", "window_days"),
    Experiment: (
        "project",
        "slug",
        "name",
        "description",
        "exposure",
        "variant_column",
        "control",
        "shares",
        "starts_at",
        "ends_at",
        "planned_people",
        "minimum_days",
    ),
    ExperimentMetric: (
        "experiment",
        "position",
        "key",
        "name",
        "kind",
        "matcher",
        "column",
        "window_minutes",
        "better",
    ),
    PeriodicTask: ("name", "enabled", "interval", "crontab", "expire_seconds"),
    User: ("username", "email", "is_staff", "is_superuser", "is_active"),
}
"""Model -> the fields whose changes are kept; nothing that isn't named here is ever logged."""


def register() -> None:
    for model, fields in AUDITED.items():
        auditlog.register(model, include_fields=list(fields))


def older(cutoff: datetime) -> QuerySet[LogEntry]:
    """Entries from before the cutoff."""
    entries: QuerySet[LogEntry] = LogEntry.objects.filter(timestamp__lt=cutoff)
    return entries


def delete_older(cutoff: datetime) -> int:
    """Delete entries from before the cutoff; returns how many."""
    deleted, _ = older(cutoff).delete()
    return int(deleted)

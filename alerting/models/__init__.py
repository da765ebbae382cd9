"""Rules, the alerts they open, every change of an alert, every message about one, and what keeps quiet."""

from __future__ import annotations

from alerting.models.alerts import OPEN_STATUSES, Alert, Status, Transition, TransitionKind
from alerting.models.channels import NotificationChannel
from alerting.models.health import MissedSlots, Pulse
from alerting.models.notifications import (
    Attempt,
    ChannelThread,
    DeliveryTurn,
    Notification,
    NotificationGroup,
    NotificationStatus,
    Purpose,
)
from alerting.models.policy import InhibitionRule, MaintenanceWindow, NotificationPolicy, Silence
from alerting.models.rules import Health, KnownLabels, NoData, OnError, Rule, Severity, Source

__all__ = [
    "OPEN_STATUSES",
    "Alert",
    "Attempt",
    "ChannelThread",
    "DeliveryTurn",
    "Health",
    "InhibitionRule",
    "KnownLabels",
    "MaintenanceWindow",
    "MissedSlots",
    "NoData",
    "Notification",
    "NotificationChannel",
    "NotificationGroup",
    "NotificationPolicy",
    "NotificationStatus",
    "OnError",
    "Pulse",
    "Purpose",
    "Rule",
    "Severity",
    "Silence",
    "Source",
    "Status",
    "Transition",
    "TransitionKind",
]

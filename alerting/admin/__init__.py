"""The admin pages of alerting; importing this registers them."""

from __future__ import annotations

from alerting.admin import alerts, channels, notifications, rules

__all__ = ["alerts", "channels", "notifications", "rules"]

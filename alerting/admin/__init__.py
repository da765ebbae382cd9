"""The admin pages of alerting; importing this registers them."""

from __future__ import annotations

from alerting.admin import alerts, channels, maintenance, notifications, policies, rules, silences

__all__ = ["alerts", "channels", "maintenance", "notifications", "policies", "rules", "silences"]

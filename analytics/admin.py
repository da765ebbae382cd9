"""The admin pages of analytics."""

from __future__ import annotations

from analytics.journeys.admin import JourneyAdmin

__all__ = ["JourneyAdmin"]

"""The admin pages of analytics."""

from __future__ import annotations

from analytics.experiments.admin import ExperimentAdmin
from analytics.funnels.admin import SavedFunnelAdmin
from analytics.journeys.admin import JourneyAdmin
from analytics.usage.admin import FeatureAdmin

__all__ = ["ExperimentAdmin", "FeatureAdmin", "JourneyAdmin", "SavedFunnelAdmin"]

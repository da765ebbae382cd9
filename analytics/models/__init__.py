"""What analytics keeps; events themselves are in `events`."""

from __future__ import annotations

from analytics.models.journeys import Journey, JourneyChange, JourneyProgress, JourneyState, Milestone

__all__ = ["Journey", "JourneyChange", "JourneyProgress", "JourneyState", "Milestone"]

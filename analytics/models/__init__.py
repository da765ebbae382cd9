"""What analytics keeps; events themselves are in `events`."""

from __future__ import annotations

from analytics.models.experiments import Experiment, ExperimentMetric
from analytics.models.features import Feature
from analytics.models.funnels import SavedFunnel
from analytics.models.journeys import (
    Journey,
    JourneyChange,
    JourneyCompletion,
    JourneyProgress,
    JourneyState,
    Milestone,
)
from analytics.models.sessions import OpenSession, SessionState

__all__ = [
    "Experiment",
    "ExperimentMetric",
    "Feature",
    "Journey",
    "JourneyChange",
    "JourneyCompletion",
    "JourneyProgress",
    "JourneyState",
    "Milestone",
    "OpenSession",
    "SavedFunnel",
    "SessionState",
]

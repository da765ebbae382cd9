"""Writing the platform's own metric points into the project named by TELEMETRY_SELF_PROJECT."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from metrics.recording import record_points
from metrics.records import PointRecord
from projects.models import Project
from storage.writer import QueueFull, StoreUnavailable

logger = logging.getLogger(__name__)

SERVICE = "telemetry_platform"
HOST = socket.gethostname()


def store(points: Sequence[PointRecord], now: datetime) -> bool:
    """Store the points with one timestamp; False when they could not be stored and may be tried again."""
    project_id = Project.objects.filter(slug=settings.SELF_PROJECT).values_list("pk", flat=True).first()
    if project_id is None:
        logger.warning("no project %r to write the platform's own telemetry to", settings.SELF_PROJECT)
        return True
    try:
        errors = record_points(project_id, points, now)
    except (QueueFull, StoreUnavailable):
        return False
    for error in errors:
        logger.warning("own metric point refused: %s", error.message)
    return True

"""The explorer's pages as a person asks for them, and points to look at."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from metrics.recording import record_points
from metrics.records import PointRecord
from projects.models import Project

METRICS = "/admin/explore/metrics/"


def get(client: Client, project: Project, **query: Any) -> Any:
    return client.get(f"{METRICS}?{urlencode({'project': project.pk, **query})}")


def page(client: Client, project: Project, **query: Any) -> str:
    """The page or one of its panels, as text with its entities resolved."""
    answer = get(client, project, **query)
    assert answer.status_code == 200, answer.content[:500]
    return html.unescape(answer.content.decode())


def words(text: str) -> str:
    """What one reads: no tags, single spaces."""
    return " ".join(re.sub(r"<script.*?</script>|<[^>]+>", " ", text, flags=re.DOTALL).split())


def figure(client: Client, project: Project, name: str, **query: Any) -> dict[str, Any]:
    """The chart's figure."""
    answer = get(client, project, panel="chart", metric_name=name, **query)
    assert answer.status_code == 200, answer.content[:500]
    found = re.search(
        r'<script id="metric-chart-figure"[^>]*>(.*?)</script>', answer.content.decode(), re.DOTALL
    )
    assert found, answer.content[:2000]
    read: dict[str, Any] = json.loads(found[1])
    return read


def lines(client: Client, project: Project, name: str, **query: Any) -> dict[str, list[float | None]]:
    """The values of each line that is drawn, by its name."""
    return {trace["name"]: trace["y"] for trace in figure(client, project, name, **query)["data"]}


def record(project: Project, name: str, values: Sequence[float], **fields: Any) -> None:
    """A point a minute, the last one two minutes ago."""
    last = datetime.now(UTC) - timedelta(minutes=2)
    points = [
        PointRecord(
            metric_name=name,
            metric_value=value,
            timestamp=last - timedelta(minutes=len(values) - 1 - number),
            **fields,
        )
        for number, value in enumerate(values)
    ]
    assert record_points(project.pk, points, datetime.now(UTC)) == []

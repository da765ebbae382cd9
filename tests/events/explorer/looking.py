"""The page "Events" as a superuser sees it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from typing import Any
from urllib.parse import parse_qsl

from tests.admin import superuser_client
from tests.clients import ProjectClient

PATH = "/admin/explore/events/"
NOW = datetime.now(UTC).replace(microsecond=0)
HOUR_AGO = NOW - timedelta(hours=1)


def send(api: ProjectClient, *events: dict[str, Any]) -> None:
    """Of half an hour ago, where they don't say when."""
    at = (NOW - timedelta(minutes=30)).isoformat()
    batch = [{"event_name": "login", "timestamp": at, **event} for event in events]
    answer = api.post("/api/v1/events", {"events": batch})
    assert answer.json()["accepted"] == len(events), answer.content


def minutes_ago(minutes: float) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat()


def look(api: ProjectClient, **query: Any) -> str:
    """The page, or with `panel` one of its parts."""
    answer = superuser_client().get(PATH, {"project": api.project.pk, **query})
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def found(api: ProjectClient, **query: Any) -> list[dict[str, Any]]:
    """The events that match, newest first, as the export has them."""
    answer = superuser_client().get(PATH, {"project": api.project.pk, "export": "json", **query})
    assert answer.status_code == 200, answer.getvalue()
    rows: list[dict[str, Any]] = json.loads(answer.getvalue())
    return rows


def names(api: ProjectClient, **query: Any) -> list[str]:
    return sorted(row["event_name"] for row in found(api, **query))


def bars(page: str) -> dict[str, int]:
    """What the chart's bars of each colour add up to."""
    figure = re.search(r'<script id="event-counts-figure" type="application/json">(.*?)</script>', page)
    if figure is None:
        return {}
    return {one["name"]: sum(filter(None, one["y"])) for one in json.loads(figure[1])["data"]}


def links(page: str) -> list[str]:
    return [unescape(url) for url in re.findall(r'href="([^"]*)"', page)]


def text(page: str) -> str:
    """What a reader sees, in one line."""
    bare = re.sub(r"<script.*?</script>|<[^>]*>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(bare).split())


def find_link(page: str, label: str) -> dict[str, str]:
    """The parameters that the link with this label leads to."""
    anchors = re.findall(r"<a ([^>]*)>", page)
    found_one = next(one for one in anchors if f'aria-label="{escape(label)}"' in one)
    url = unescape(found_one.split('href="')[1].split('"')[0])
    return dict(parse_qsl(url.partition("?")[2]))

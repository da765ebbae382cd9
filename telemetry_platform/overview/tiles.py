"""The numbers on top: each with its unit, its change, its small line, and the page that explains it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from ingest.sources_page.words import WHAT
from projects import figures
from projects.pages.scope import Scope
from projects.pages.sparkline import Sparkline, sparkline
from telemetry_platform.overview.arriving import Arriving
from telemetry_platform.overview.courses import Course, change_in_percent, change_in_points
from telemetry_platform.overview.hosts import Hosts
from telemetry_platform.overview.needs import SEVERITIES, OpenCounts
from telemetry_platform.overview.requests import Requests
from traces.service_state import FAILING_RATIO, SLOWER_TIMES

HOSTS_NAMED = 3
NOTHING_SENT = "no spans or events in this time"


@dataclass(frozen=True, slots=True)
class Tile:
    """`change` is against the period before, `former` what it was then. `state` colours only what has words for it."""

    id: str
    label: str
    value: str
    unit: str
    note: str
    url: str
    change: str = ""
    former: str = ""
    line: Sparkline | None = None
    state: str = "quiet"


def alerts_tile(counts: OpenCounts, scope: Scope) -> Tile:
    """Firing and acknowledged ones; red and the like only while somebody should act."""
    total = sum(counts.by_severity.values())
    by_severity = [f"{counts.by_severity[one]} {one}" for one in SEVERITIES if counts.by_severity.get(one)]
    others = {
        "acknowledged": counts.by_status.get("acknowledged", 0),
        "pending": counts.by_status.get("pending", 0),
        "firing in other projects": counts.elsewhere,
    }
    words = [*by_severity, *(f"{count} {word}" for word, count in others.items() if count)]
    worst = next((one for one in SEVERITIES if counts.by_severity.get(one)), "")
    state = worst if counts.by_status.get("firing") else "quiet" if total else "good"
    note = ", ".join(words) or "all quiet"
    url = scope.url(reverse("inbox"), state="open" if total else None)
    return Tile("alerts", "Open alerts", str(total), "", note, url, state=state)


def error_tile(requests: Requests | None, scope: Scope) -> Tile:
    """Leads to what failed."""
    if requests is None:
        return Tile("errors", "Error rate", figures.NOTHING, "", NOTHING_SENT, reverse("how_to_send"))
    course = requests.error_ratio
    is_high = (course.now or 0) >= FAILING_RATIO
    url = (
        scope.url(reverse("explore_traces"), status="error")
        if requests.of == "spans"
        else scope.url(reverse("explore_events"), severity="error")
    )
    return Tile(
        "errors",
        "Error rate",
        percent_number(course.now),
        "%" if course.now is not None else "",
        f"{'high, ' if is_high else ''}of all {requests.of}",
        url,
        change_in_points(course),
        _former(f"{percent_number(course.before)} %", course),
        sparkline(course.by_bucket),
        "error" if is_high else "quiet",
    )


def latency_tile(requests: Requests | None, scope: Scope) -> Tile:
    """Leads to what took that long or longer."""
    if requests is None or requests.p95_ms.is_unknown:
        return Tile(
            "p95", "p95 latency", figures.NOTHING, "", "no durations in this time", reverse("how_to_send")
        )
    course = requests.p95_ms
    value, _, unit = figures.duration(course.now).rpartition(" ")
    is_slower = course.now is not None and course.before and course.now >= SLOWER_TIMES * course.before
    if requests.of == "spans":
        least = None if course.now is None else f"{course.now:.3g}"
        url = scope.url(reverse("explore_traces"), min_duration_ms=least)
    else:
        url = scope.url(reverse("explore_events"))
    return Tile(
        "p95",
        "p95 latency",
        value or figures.NOTHING,
        unit if value else "",
        f"{'slower, ' if is_slower else ''}of all {requests.of}",
        url,
        change_in_percent(course),
        _former(figures.duration(course.before), course),
        sparkline(course.by_bucket),
        "warning" if is_slower else "quiet",
    )


def ingest_tile(arriving: Arriving | None, scope: Scope, now: datetime) -> Tile:
    """Leads to who sends what, and what was refused."""
    url = scope.url(reverse("sources"))
    if arriving is None:
        return Tile("ingest", "Ingest", figures.NOTHING, "", "counted for the last 24 h only", url)
    course = arriving.rate_per_second
    value, _, unit = figures.rate(course.now or 0).rpartition("/")
    rates = ", ".join(f"{WHAT[kind]} {figures.rate(rate)}" for kind, rate in arriving.by_kind.items())
    is_silent = arriving.is_silent(now) and scope.range.preset != ""
    last = f"nothing since {figures.age(arriving.last_at, now)}" if is_silent and arriving.last_at else ""
    return Tile(
        "ingest",
        "Ingest",
        value,
        f"/{unit}",
        f"{'in the last 24 h: ' if arriving.is_cut else ''}{last or rates or 'nothing arrived'}",
        url,
        change_in_percent(course),
        _former(figures.rate(course.before or 0), course),
        sparkline(course.by_bucket),
        "warning" if is_silent else "quiet",
    )


def hosts_tile(heard: Hosts, scope: Scope) -> Tile:
    """Names those in trouble, else all, as far as there is room. Leads to what the first of them lacks, for all."""
    hosts = heard.found
    if not hosts:
        url = scope.url(reverse("explore_metrics"))
        return Tile("hosts", "Hosts", figures.NOTHING, "", "none tells its CPU, memory or disk", url)
    troubled = [host for host in hosts if host.problem]
    named = [f"{host.name}: {host.problem}" for host in troubled] or [host.name for host in hosts]
    first, more = hosts[0], len(named) - HOSTS_NAMED
    note = ", ".join(named[:HOSTS_NAMED]) + (f", and {more} more" if more > 0 else "")
    return Tile(
        "hosts",
        "Hosts",
        f"{len(hosts) - len(troubled)}",
        f"of {len(hosts)} fine",
        f"{note}; of the newest {heard.series_limit:,} series" if heard.series_limit else note,
        scope.url(
            reverse("explore_metrics"),
            project=first.project_id,
            metric_name=first.metric,
            host_name=first.name if len(troubled) == 1 else None,
            group_by="host_name",
        ),
        state="warning" if troubled else "quiet",
    )


def percent_number(ratio: float | None) -> str:
    """Two digits, and all of those before the point."""
    if ratio is None:
        return figures.NOTHING
    return f"{100 * ratio:.2g}" if ratio < 0.1 else f"{100 * ratio:.0f}"


def _former(text: str, course: Course) -> str:
    return f"{text} in the period before" if course.before is not None else ""

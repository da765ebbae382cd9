"""What people wait for, over HTTP, on a store that is full: each held against a limit in milliseconds."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from benchmarks import fill
from benchmarks.benchmark import Bench
from benchmarks.inside import prepare_alerts, prepare_rebuild
from benchmarks.jobs import Job, run_together
from benchmarks.report import Row
from benchmarks.running import KEY, PlatformError
from benchmarks.store import MONTH_DAYS, Store

ROWS = ("read_events", "read_summary", "read_chart", "read_alerts")
LIMIT_MS = 200.0
LIMITS_MS = {"read_summary": 100.0}
"""Where less than that is promised: the dashboard's month over HTTP."""
ALERT_COUNT = 5_000
ROUNDS = 20
CHART_DAYS = 180
CHART_SERIES = 5
METRIC = "bench_chart"


def rows(bench: Bench, store: Store) -> Sequence[Row]:
    """One row a page; the first call of each counts too."""
    bench.progress.say("making alerts, and points of 180 days")
    run_together([Job(prepare_alerts, store.platform.environ(), ALERT_COUNT)])
    _make_points(bench, store)
    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)
    paths: dict[str, tuple[str, dict[str, Any]]] = {
        "read_events": ("/api/v1/events/", {"event_name": "event_3", "page_size": 100}),
        "read_summary": (
            "/api/v1/event-summary/",
            {
                "start": _text(hour - timedelta(days=MONTH_DAYS)),
                "end": _text(hour),
                "interval": "1h",
                "group_by": "event_name",
            },
        ),
        "read_chart": (
            "/api/v1/metric-chart/",
            {
                "metric_name": METRIC,
                "start": _text(hour - timedelta(days=CHART_DAYS)),
                "end": _text(hour),
                "interval": "6h",
                "group_by": "host_name",
            },
        ),
        "read_alerts": ("/api/v1/alerts/", {"status": "firing"}),
    }
    return [_measure(bench, store, name, path, given) for name, (path, given) in paths.items()]


def _text(moment: datetime) -> str:
    return moment.isoformat()


def _make_points(bench: Bench, store: Store) -> None:
    """A first point over HTTP for each series, then one a minute of all the days before."""
    hosts = [f"host-{number}" for number in range(CHART_SERIES)]
    points = [{"metric_name": METRIC, "metric_value": 1.0, "host_name": host} for host in hosts]
    store.platform.post("/api/v1/metrics", {"metrics": points})
    days = bench.pick(small=20, full=CHART_DAYS - 1)
    fill.fill_points(store.platform.database_url, METRIC, days)
    first = datetime.now(UTC).date() - timedelta(days=days)
    run_together([Job(prepare_rebuild, store.platform.environ(), f"{first}", "metric_points")])


def _measure(bench: Bench, store: Store, name: str, path: str, given: dict[str, Any]) -> Row:
    connection = http.client.HTTPConnection("127.0.0.1", store.platform.port, timeout=60)
    found: list[float] = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        connection.request("GET", f"{path}?{urlencode(given)}", headers={"Authorization": f"Bearer {KEY}"})
        response = connection.getresponse()
        body = response.read()
        found.append(1000 * (time.perf_counter() - began))
        bench.progress.advance(number + 1, ROUNDS, name)
        if response.status != http.HTTPStatus.OK:
            raise PlatformError(f"GET {path}: {response.status} {body[:300]!r}")
    connection.close()
    notes = [f"GET {path} answers {len(body):,} bytes; slowest {max(found):.0f} ms"]
    answer = json.loads(body)
    if not (answer.get("results") or answer.get("series")):
        raise PlatformError(f"GET {path} found nothing")
    limit_ms = LIMITS_MS.get(name, LIMIT_MS)
    return Row(name, 1, "ms", "lower", ours=found, theirs=[limit_ms] * ROUNDS, notes=notes)

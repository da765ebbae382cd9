"""Who comes back, over HTTP: the retention table of 12 weeks, on the data of `benchmarks.store`, against a limit."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from benchmarks.benchmark import Bench
from benchmarks.report import Row
from benchmarks.running import KEY, PlatformError
from benchmarks.store import Store

WEEKS = 12
ROUNDS = 10
LIMIT_MS = 300.0

ROWS = ("retention", "retention_by_name", "lifecycle", "active")


def rows(bench: Bench, store: Store) -> Sequence[Row]:
    """One row a question; numpy is loaded before, as on a platform that has been asked once."""
    # To the end of the last whole day: 12 weeks touch 12 or 13 weeks of the calendar.
    span = {
        "start": (store.end - timedelta(weeks=WEEKS)).isoformat(),
        "end": store.end.isoformat(),
    }
    weeks = {**span, "period": "week"}
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "retention": ("retention", weeks),
        "retention_by_name": (
            "retention",
            {**weeks, "cohort_event": "event_1", "returning_event": "event_2"},
        ),
        "lifecycle": ("lifecycle", weeks),
        "active": ("active", span),
    }
    return [_measure(bench, store, name, path, given) for name, (path, given) in asked.items()]


def _measure(bench: Bench, store: Store, name: str, path: str, given: dict[str, Any]) -> Row:
    connection = http.client.HTTPConnection("127.0.0.1", store.platform.port, timeout=60)
    url = f"/api/v1/analytics/{path}/?{urlencode(given)}"
    _get(connection, url)
    found: list[float] = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        answer = _get(connection, url)
        found.append(1000 * (time.perf_counter() - began))
        bench.progress.advance(number + 1, ROUNDS, name)
    connection.close()
    people = _people(answer)
    if not people:
        raise PlatformError(f"GET {url} found nobody")
    notes = [f"{people:,} people over {WEEKS} weeks; slowest {max(found):.0f} ms"]
    return Row(name, 1, "ms", "lower", ours=found, theirs=[LIMIT_MS] * ROUNDS, notes=notes)


def _get(connection: http.client.HTTPConnection, url: str) -> dict[str, Any]:
    connection.request("GET", url, headers={"Authorization": f"Bearer {KEY}"})
    response = connection.getresponse()
    body = response.read()
    if response.status != http.HTTPStatus.OK:
        raise PlatformError(f"GET {url}: {response.status} {body[:300]!r}")
    answer: dict[str, Any] = json.loads(body)
    return answer


def _people(answer: dict[str, Any]) -> int:
    """How many were there: in all cohorts, new ones, or in the busiest month."""
    if "cohorts" in answer:
        counts = [cohort["people"] for cohort in answer["cohorts"]]
    elif "periods" in answer:
        counts = [one["new"] for one in answer["periods"]]
    else:
        counts = [max(one["monthly"] for one in answer["days"])]
    return int(sum(counts))

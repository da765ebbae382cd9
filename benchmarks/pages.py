"""The admin's pages over HTTP, as a browser that is logged in asks for them, on a store that is full."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Sequence
from html import unescape
from urllib.parse import quote

from benchmarks.benchmark import Bench
from benchmarks.inside import prepare_session
from benchmarks.jobs import Job, run_together
from benchmarks.report import Row
from benchmarks.running import PlatformError
from benchmarks.store import Store

LIMIT_MS = 300.0
ROUNDS = 10
_FUNNEL = {"steps": [{"event_name": f"event_{number}"} for number in range(3)]}
PAGES = {
    "page_overview": "/admin/?range=30d",
    "page_inbox": "/admin/inbox/",
    "page_events": "/admin/explore/events/?range=30d",
    "page_metrics": "/admin/explore/metrics/?range=30d",
    "page_traces": "/admin/explore/traces/?range=30d",
    "page_services": "/admin/explore/services/?range=30d",
    "page_storage": "/admin/storage/",
    "page_funnels": f"/admin/explore/funnels/?range=30d&funnel={quote(json.dumps(_FUNNEL))}",
    "page_sessions": "/admin/explore/sessions/?range=30d",
    "page_usage": "/admin/explore/usage/?range=30d",
    "page_journeys": "/admin/explore/journeys/?range=30d",
    "page_experiments": "/admin/explore/experiments/?range=30d",
}

_PANEL = re.compile(r'hx-get="(\?[^"]*panel=(\w+)[^"]*)"')


def rows(bench: Bench, store: Store) -> Sequence[Row]:
    """One row a page. What it fetches afterwards by itself, its panels, is measured once more in the notes."""
    (session,) = run_together([Job(prepare_session, store.platform.environ())])
    browser = _Browser(store.platform.port, session.value)
    return [_measure(bench, browser, name, path) for name, path in PAGES.items()]


class _Browser:
    """One kept-alive connection with a session's cookie."""

    def __init__(self, port: int, session_key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Cookie": f"sessionid={session_key}"}

    def get(self, path: str) -> tuple[float, str]:
        """Milliseconds until the whole answer, and the answer."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        body = response.read()
        took_ms = 1000 * (time.perf_counter() - began)
        if response.status != http.HTTPStatus.OK:
            raise PlatformError(f"GET {path}: {response.status} {body[:300]!r}")
        return took_ms, body.decode()


def _measure(bench: Bench, browser: _Browser, name: str, path: str) -> Row:
    found: list[float] = []
    text = ""
    for number in range(ROUNDS):
        took_ms, text = browser.get(path)
        found.append(took_ms)
        bench.progress.advance(number + 1, ROUNDS, name)
    panels = [
        (browser.get(path.partition("?")[0] + unescape(url))[0], panel) for url, panel in _PANEL.findall(text)
    ]
    notes = [f"GET {path.partition('&')[0]} answers {len(text):,} characters; slowest {max(found):.0f} ms"]
    if panels:
        took = ", ".join(f"{panel} {took_ms:.0f}" for took_ms, panel in sorted(panels, reverse=True))
        notes.append(f"its panels afterwards, in ms: {took}")
    return Row(name, 1, "ms", "lower", ours=found, theirs=[LIMIT_MS] * ROUNDS, notes=notes)

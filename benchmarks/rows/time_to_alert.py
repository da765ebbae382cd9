"""From a committed event to the request at Slack's door, with 1,000 rules to look after."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.benchmark import Bench, Benchmark
from benchmarks.inside import prepare_rules
from benchmarks.jobs import Job, run_together
from benchmarks.report import Row, figure, percentile
from benchmarks.running import wait_for

LIMIT_SECONDS = 5.0
RULE_COUNT = 1000
INTERVAL_SECONDS = 5
CHANNEL = "bench"
_EVENT = "bench_event_{}_"
_PATTERN = re.compile(rb"bench_event_(\d+)_")
_PAUSE_SECONDS = 0.5
_PATIENCE_SECONDS = 60


def rule_values(number: int) -> dict[str, Any]:
    """A rule for an event of its own, so that each message tells which event it is about."""
    return {
        "name": _EVENT.format(number),
        "rule_type": "event_frequency",
        "source_type": "telemetry_event",
        "condition_config": {"event_name": _EVENT.format(number), "threshold": 1, "time_window_minutes": 5},
        "evaluation_interval_seconds": INTERVAL_SECONDS,
    }


def run(bench: Bench) -> Sequence[Row]:
    sample_count = bench.pick(small=20, full=120)
    with _receiver() as (port, heard_at):
        platform = bench.start_platform(TELEMETRY_TICK_SECONDS="1", TELEMETRY_OUTBOUND_ALLOW="127.0.0.1")
        webhook = {"webhook_url": f"http://127.0.0.1:{port}/slack"}
        platform.post("/api/v1/notification-channels/", {"name": CHANNEL, "kind": "slack", "config": webhook})
        run_together(
            [
                Job(
                    prepare_rules,
                    platform.environ(),
                    rule_values,
                    RULE_COUNT,
                    CHANNEL,
                    float(INTERVAL_SECONDS),
                )
            ]
        )
        committed_at: dict[int, float] = {}
        source = random.Random(1)
        for done, number in enumerate(source.sample(range(RULE_COUNT), sample_count), 1):
            time.sleep(source.uniform(0, 2 * _PAUSE_SECONDS))
            platform.post("/api/v1/events", {"event_name": _EVENT.format(number)})
            committed_at[number] = time.monotonic()
            bench.progress.advance(done, sample_count, f"{len(heard_at)} alerts heard")
        wait_for(lambda: len(heard_at) == sample_count, "every alert at Slack's door", _PATIENCE_SECONDS)
    seconds = [heard_at[number] - began for number, began in committed_at.items()]
    p95 = percentile(seconds, 0.95)
    note = (
        f"p95 of {sample_count} events; median {figure(percentile(seconds, 0.5))} s, worst {figure(max(seconds))} s; "
        "theirs is the limit"
    )
    return [Row("time_to_alert", 1, "s", "lower", ours=[p95], theirs=[LIMIT_SECONDS], notes=[note])]


@contextmanager
def _receiver() -> Iterator[tuple[int, dict[int, float]]]:
    """Slack's door: its port, and by number of the event when the first message about it came."""
    heard_at: dict[int, float] = {}

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            now = time.monotonic()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if found := _PATTERN.search(body):
                heard_at.setdefault(int(found[1]), now)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, heard_at
        finally:
            server.shutdown()
            thread.join()


BENCHMARK = Benchmark("time_to_alert", run)

"""Real logs with their answers, as a client would send them; years old, so the project keeps its events for longer."""

from __future__ import annotations

import csv
import json
import re
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import sql

from events.records import EVENTS
from storage import partitions
from storage.connections import connect
from tests.clients import ProjectClient, counts

FOLDER = Path(__file__).resolve().parents[3] / "shared/data/open"
BATCH = 5000
DROPPED_AT_ONCE = 100
"""Each takes a lock, and so does each of its indexes; PostgreSQL has some thousands."""

OLD = datetime.now(UTC).date() - timedelta(days=3 * 365)
"""No other test has events that are older."""

_LINE = re.compile(
    r'(?P<ip>\S+) \S+ \S+ \[(?P<time>[^]]+)\] "[^"]*" (?P<status>\d+) (?:\d+|-) "[^"]*" "[^"]*"'
)
"""The combined format, whole: the log has a line that breaks off."""


def answers(log: str, name: str) -> dict[str, Any]:
    """The reference answers for one file of `eventlogs` or `weblogs`."""
    found: dict[str, Any] = json.loads((FOLDER / log / "reference_answers.json").read_text())[name]
    return found


def cases(name: str) -> Iterator[dict[str, Any]]:
    """Events of a process: the case is the user, the activity the name, the ids count up."""
    with (FOLDER / "eventlogs" / name).open(newline="") as file:
        for number, row in enumerate(csv.reader(file)):
            if number:
                yield {
                    "id": str(uuid.UUID(int=number)),
                    "user_id": row[0],
                    "event_name": row[1],
                    "timestamp": row[2].replace(" ", "T"),
                }


def requests(name: str) -> Iterator[dict[str, Any]]:
    """Requests to a web server; lines that are none are left out."""
    for number, line in enumerate((FOLDER / "weblogs" / name).read_text(errors="replace").splitlines()):
        if found := _LINE.fullmatch(line):
            yield {
                "id": str(uuid.UUID(int=number)),
                "event_name": "request",
                "user_id": found["ip"],
                "source_ip": found["ip"],
                "timestamp": datetime.strptime(found["time"], "%d/%b/%Y:%H:%M:%S %z").isoformat(),
                "properties": {"status": int(found["status"])},
            }


def send(api: ProjectClient, events: Iterable[dict[str, Any]]) -> int:
    """Send them in batches; how many there were."""
    made = list(events)
    for first in range(0, len(made), BATCH):
        batch = made[first : first + BATCH]
        assert counts(api.post("/api/v1/events", {"events": batch})) == (len(batch), 0, 0)
    return len(made)


def keep_for_ever(api: ProjectClient) -> None:
    """Old events are welcome."""
    answer = api.put("/api/v1/retention/", {"events": {"raw_days": None}})
    assert answer.status_code == 200, answer.content


def forget_old_days() -> None:
    """Drop what was sent: hundreds of days slow every other test down. Waits for transactions that have read them."""
    old = [
        sql.Identifier(partitions.partition_name(EVENTS.name, day))
        for day in partitions.days_of(EVENTS)
        if day < OLD
    ]
    with connect() as own:
        for first in range(0, len(old), DROPPED_AT_ONCE):
            names = sql.SQL(", ").join(old[first : first + DROPPED_AT_ONCE])
            own.execute(sql.SQL("DROP TABLE {}").format(names))
        own.execute("DELETE FROM rollup_invalidations WHERE hour < %s", (OLD,))
    partitions.forget_known()

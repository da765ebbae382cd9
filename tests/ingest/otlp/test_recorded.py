"""Recorded requests of others: opentelemetry-proto's examples and otlp2parquet's test data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.protocols.base import Decoded, FormatError, Head
from ingest.protocols.otlp.wire import LOGS, METRICS, TRACES, OtlpFormat
from tests.clients import ProjectClient
from tests.ingest.otlp import messages
from tests.ingest.otlp.messages import JSON, PROTOBUF, send_raw, status_of

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "open" / "otlp"
PARQUET = FOLDER / "otlp2parquet"

pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason="the recorded requests (shared/data/open/otlp) are not on this machine"
)


def wire_of(name: str) -> OtlpFormat:
    return METRICS if name.startswith("metrics") else LOGS if name.startswith("log") else TRACES


def bodies_of(path: Path) -> Iterator[tuple[bytes, str]]:
    """(body, content type) of each request in a file."""
    raw = path.read_bytes()
    for body in raw.splitlines() if path.suffix == ".jsonl" else [raw]:
        yield body, PROTOBUF if path.suffix == ".pb" else JSON


def decoded(path: Path) -> list[Decoded[Any]]:
    ((body, content_type),) = bodies_of(path)
    return wire_of(path.name).decode(body, Head(content_type)).parts


@pytest.mark.parametrize(("name", "count"), [("trace", 1), ("metrics", 4), ("logs", 1)])
def test_the_examples_of_the_specification_are_taken(name: str, count: int) -> None:
    part = decoded(FOLDER / "opentelemetry-proto" / f"{name}.json")[0]
    assert (len(part.records), part.errors) == (count, [])


@pytest.mark.parametrize("name", ["gauge", "histogram", "mixed", "sum"])
def test_three_forms_of_the_same_metrics_make_the_same_points(name: str) -> None:
    pretty, lines, binary = (decoded(PARQUET / f"metrics_{name}.{form}") for form in ("json", "jsonl", "pb"))
    assert pretty == lines == binary
    assert binary[0].records
    assert binary[0].errors == []


@pytest.mark.parametrize(("name", "count"), [("trace.pb", 2), ("logs.pb", 81)])
def test_recorded_protobuf_is_taken_whole(name: str, count: int) -> None:
    part = decoded(PARQUET / name)[0]
    assert (len(part.records), part.errors) == (count, [])


@pytest.mark.parametrize("name", ["trace.json", "traces.jsonl", "log.json", "logs.jsonl"])
def test_ids_in_base64_are_refused(name: str) -> None:
    if not (PARQUET / name).exists():
        pytest.skip(f"{name} is not among the recorded requests")
    for body, content_type in bodies_of(PARQUET / name):
        with pytest.raises(FormatError):
            wire_of(name).decode(body, Head(content_type))


def invalid() -> list[str]:
    return sorted(path.name for path in (PARQUET / "invalid").glob("*.json"))


@pytest.mark.parametrize("name", invalid())
def test_what_is_wrong_on_purpose_is_a_400(api: ProjectClient, name: str) -> None:
    paths = {TRACES.noun: messages.TRACES, METRICS.noun: messages.METRICS, LOGS.noun: messages.LOGS}
    ((body, content_type),) = bodies_of(PARQUET / "invalid" / name)
    answer = send_raw(api, paths[wire_of(name).noun], body, content_type)
    assert answer.status_code == 400
    assert status_of(answer).message


def test_recorded_spans_are_older_than_the_retention_and_the_answer_says_so(api: ProjectClient) -> None:
    ((body, content_type),) = bodies_of(PARQUET / "trace.pb")
    answer = send_raw(api, messages.TRACES, body, content_type)
    assert answer.status_code == 200
    assert b"retention" in answer.content

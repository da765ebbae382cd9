"""The conformance data of the CloudEvents project: the valid is stored as its sample says, the invalid refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from projects.models import Project, RetentionPolicy
from tests.ingest.cloudevents.conftest import Sender

FOLDER = Path(__file__).resolve().parents[4] / "shared/data/open/cloudevents"

pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason="the conformance data (shared/data/open/cloudevents) are not on this machine"
)


def recorded(name: str) -> list[Any]:
    path = FOLDER / "json" / f"{name}.json"
    tests = json.loads(path.read_text())["tests"] if path.exists() else []
    return [pytest.param(test, id=test["id"]) for test in tests]


COMMON = {
    "event_name": "io.cloudevents.test",
    "source": "https://cloudevents.io",
    "tags": {},
    "properties": {},
}
TIME = datetime(2018, 4, 5, 17, 31, tzinfo=UTC)
SAMPLES: dict[str, dict[str, Any]] = {
    "minimal": {"id": "minimal"},
    "minimalWithTime": {"id": "minimalWithTime", "timestamp": TIME},
    "minimalWithRelativeSource": {"id": "minimalWithRelativeSource", "source": "#fragment"},
    "allCore": {
        "id": "allCore",
        "timestamp": TIME,
        "tags": {
            "datacontenttype": "text/plain",
            "dataschema": "https://cloudevents.io/dataschema",
            "subject": "tests",
        },
    },
    "allExtensionTypes": {
        "id": "allExtensionTypes",
        "tags": {
            "extinteger": 10,
            "extboolean": True,
            "extstring": "text",
            "extbinary": "TWE=",
            "exttimestamp": "2023-03-31T15:12:00Z",
            "exturi": "https://cloudevents.io",
            "exturiref": "//authority/path",
        },
    },
}
BATCHES = {
    "empty": [],
    "minimal": ["minimal"],
    "minimal2": ["minimal", "minimal"],
    "minimalAndAllCore": ["minimal", "allCore"],
    "minimalAndAllExtensionTypes": ["minimal", "allExtensionTypes"],
}


@pytest.fixture(autouse=True)
def _long_memory(project: Project) -> None:
    """The samples are from 2018."""
    RetentionPolicy.objects.create(project=project, events_days=3650)


def assert_stored(sender: Sender, samples: list[str]) -> None:
    rows = {row["id"]: row for row in sender.stored()}
    assert rows.keys() == {SAMPLES[sample]["id"] for sample in samples}
    for sample in samples:
        expected = {**COMMON, **SAMPLES[sample]}
        row = rows[expected["id"]]
        row["timestamp"] = datetime.fromisoformat(row["timestamp"])
        assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize("test", recorded("valid-events"))
def test_a_valid_event_is_stored_as_its_sample_says(sender: Sender, test: dict[str, Any]) -> None:
    assert sender.structured(test["event"]).status_code == 200
    assert_stored(sender, [test["sampleId"]])


@pytest.mark.parametrize("test", recorded("valid-batches"))
def test_a_valid_batch_is_stored_as_its_samples_say(sender: Sender, test: dict[str, Any]) -> None:
    assert sender.batch(test["batch"]).status_code == 200
    assert_stored(sender, BATCHES[test["sampleId"]])


@pytest.mark.parametrize("test", recorded("invalid-events"))
def test_an_invalid_event_is_refused(sender: Sender, test: dict[str, Any]) -> None:
    assert sender.structured(test["event"]).status_code == 400
    assert sender.stored() == []


@pytest.mark.parametrize("test", recorded("invalid-batches"))
def test_an_invalid_batch_is_refused_whole(sender: Sender, test: dict[str, Any]) -> None:
    assert sender.batch(test["batch"]).status_code == 400
    assert sender.stored() == []


# The events of yaml/v1.0/v1_minimum.yaml: (type of the data, data, what it becomes).
MINIMUM: list[tuple[str, str, dict[str, Any]]] = [
    ("text/plain; charset=us-ascii", "Hello, World!\n", {"data": "Hello, World!\n"}),
    ("text/plain; charset=utf-8", "Hello, \U0001f30e!\n", {"data": "Hello, \U0001f30e!\n"}),
    ("application/json; charset=utf-8", '"Hello, \U0001f30e!"\n', {"data": "Hello, \U0001f30e!"}),
    ("application/json; charset=utf-8", '{"msg":"Hello, \U0001f30e!"}\n', {"msg": "Hello, \U0001f30e!"}),
    ("application/json; charset=utf-8", '["Hello","\U0001f30e!"]\n', {"data": ["Hello", "\U0001f30e!"]}),
    ("application/xml; charset=utf-8", "<msg>\U0001f30e!</msg>\n", {"data": "<msg>\U0001f30e!</msg>\n"}),
]


@pytest.mark.parametrize(("content_type", "data", "properties"), MINIMUM)
def test_the_minimum_in_binary_mode(
    sender: Sender, content_type: str, data: str, properties: dict[str, Any]
) -> None:
    headers = {"source": "//github.com/cloudevents/cloudeventsconformance/yaml/v1.yaml"}
    assert sender.binary(headers, data.encode(), content_type).status_code == 200
    row = sender.only()
    assert (row["tags"]["datacontenttype"], row["properties"]) == (content_type, properties)

"""All clients in the order of the page."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.how_to_send.base import Client
from ingest.how_to_send.browsers import BROWSER, SEGMENT
from ingest.how_to_send.servers import CLOUDEVENTS, COLLECTOR, CURL, DJANGO, OPENTELEMETRY, PROMETHEUS

CLIENTS: Sequence[Client] = (
    CURL,
    OPENTELEMETRY,
    COLLECTOR,
    PROMETHEUS,
    CLOUDEVENTS,
    SEGMENT,
    BROWSER,
    DJANGO,
)

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from rest_framework.request import Request
from rest_framework.views import APIView

from metrics.federation import (
    DEFAULT_LOOKBACK,
    MAX_LOOKBACK,
    MAX_SERIES,
    TooManySeries,
    descriptions,
    newest_values,
)
from metrics.federation_selectors import MAX_SELECTORS, Matcher, SelectorError, parse
from metrics.federation_text import exposition
from projects.api.authentication import KeyRateThrottle, project_id_of
from projects.api.errors import BadRequest
from projects.api.filters import refuse_parameters

MATCH, LOOKBACK = "match[]", "lookback"
BLOCK_CHARACTERS = 65_536

OPENMETRICS = "application/openmetrics-text"


class FederationView(APIView):
    """What a Prometheus server scrapes as a federated one."""

    throttle_classes = [KeyRateThrottle]

    @extend_schema(
        operation_id="prometheus_federate",
        tags=["prometheus"],
        summary="The newest values of all series, for Prometheus to scrape",
        description=(
            "The newest point of each series of the project that isn't older than `lookback`, with its own time, as "
            "Prometheus' text format, or OpenMetrics 1.0 where `Accept` asks for it. Distributions are summaries: "
            "`_count`, `_sum` and quantiles. Names become valid with underscores. "
            f"More than {MAX_SERIES:,} series are 400: choose some with `match[]`."
        ),
        parameters=[
            OpenApiParameter(
                MATCH,
                str,
                many=True,
                description='Series selectors such as `up{job="api"}` or `{__name__=~"http_.+"}`, by the names that '
                "series were sent with; a series that passes one of them is answered. Without any, all are.",
            ),
            OpenApiParameter(
                LOOKBACK, float, description="Seconds, more than 0 and at most 3600; 300 by default."
            ),
        ],
        responses={
            (200, CONTENT_TYPE_PLAIN_0_0_4.partition(";")[0]): OpenApiResponse({"type": "string"}),
            (200, OPENMETRICS): OpenApiResponse({"type": "string"}),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        refuse_parameters(request, known=(MATCH, LOOKBACK))
        project_id = project_id_of(request)
        try:
            selectors = _selectors(request.query_params.getlist(MATCH))
            found = newest_values(
                project_id, selectors, timezone.now(), _lookback(request.query_params.get(LOOKBACK))
            )
        except SelectorError as error:
            raise BadRequest(f"{MATCH}: {error}.", code="invalid") from None
        except TooManySeries:
            raise BadRequest(
                f"More than {MAX_SERIES:,} series match; choose some with {MATCH}.", code="too_many_series"
            ) from None
        known = descriptions(project_id, {newest.name for newest in found})
        openmetrics = OPENMETRICS in request.META.get("HTTP_ACCEPT", "")
        return StreamingHttpResponse(
            _blocks(exposition(found, known, openmetrics=openmetrics)),
            content_type=f"{OPENMETRICS}; version=1.0.0; charset=utf-8"
            if openmetrics
            else CONTENT_TYPE_PLAIN_0_0_4,
        )


def _selectors(texts: list[str]) -> list[list[Matcher]]:
    if len(texts) > MAX_SELECTORS:
        raise SelectorError(f"at most {MAX_SELECTORS} selectors")
    return [parse(text) for text in texts]


def _lookback(text: str | None) -> timedelta:
    if text is None:
        return DEFAULT_LOOKBACK
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= MAX_LOOKBACK.total_seconds():
        raise BadRequest(f"{LOOKBACK} is a number of seconds, more than 0 and at most 3600.", code="invalid")
    return timedelta(seconds=seconds)


def _blocks(pieces: Iterable[str]) -> Iterator[str]:
    """Pieces gathered to blocks that are worth a write each."""
    gathered: list[str] = []
    characters = 0
    for piece in pieces:
        gathered.append(piece)
        characters += len(piece)
        if characters >= BLOCK_CHARACTERS:
            yield "".join(gathered)
            gathered, characters = [], 0
    yield "".join(gathered)

"""Journeys as the API answers them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from analytics.journeys.definitions import Definition
from analytics.journeys.measures import (
    EFFICIENCY_DEFINITION,
    Reached,
    Stage,
    complete_minutes,
    efficiency_score,
    stage_minutes,
    waiting_since,
    waits_for,
)
from analytics.journeys.report import MAX_SEGMENTS, Grouping, Row, bins
from analytics.journeys.waiting import WaitingPerson

TTF_STAGES = ("project", "agent", "workflow", "success")
_NOBODY: Row = {"people": 0, "followed": 0, "median_minutes": None, "longest_minutes": None}


def ttf_answer(definition: Definition, user_id: str, reached: Reached) -> dict[str, Any]:
    """The journey's stages under the names that clients know; one that was renamed or taken out is null."""
    keys = [stage.key for stage in definition.stages[1:]]
    minutes = dict(zip(keys, stage_minutes(reached), strict=True))
    return {
        "user_id": user_id,
        **{f"ttf_{key}_minutes": minutes.get(key) for key in TTF_STAGES},
        "ttf_complete_minutes": complete_minutes(reached),
        "ttf_efficiency_score": efficiency_score(definition.stages, reached),
    }


def person_answer(definition: Definition, user_id: str, reached: Reached, now: datetime) -> dict[str, Any]:
    next_one, since = waits_for(reached), waiting_since(reached)
    return {
        "user_id": user_id,
        "journey": definition.slug,
        "started_at": reached[0],
        "completed_at": reached[-1] if reached[0] else None,
        "complete_minutes": complete_minutes(reached),
        "target_minutes": definition.target_minutes,
        "efficiency_score": efficiency_score(definition.stages, reached),
        "efficiency_definition": EFFICIENCY_DEFINITION,
        "waits_for": None if next_one is None else definition.stages[next_one].key,
        "waiting_minutes": None if since is None else max((now - since).total_seconds() / 60, 0.0),
        "milestones": [
            _reached(stage, at, minutes)
            for stage, at, minutes in zip(
                definition.stages, reached, [None, *stage_minutes(reached)], strict=True
            )
        ],
    }


def journey_answer(definition: Definition, found: Mapping[Grouping, Sequence[Row]]) -> dict[str, Any]:
    figures = figures_answer(found["all"][0])
    reached = {row["position"]: row for row in found["stage"]}
    waiting = {row["position"]: row for row in found.get("waiting", ())}
    segments = found.get("segment", [])
    return {
        "slug": definition.slug,
        "name": definition.name,
        "description": definition.description,
        "target_minutes": definition.target_minutes,
        "efficiency_definition": EFFICIENCY_DEFINITION,
        **figures,
        "milestones": [
            _stage(stage, figures["people"], reached.get(position), waiting.get(position, _NOBODY))
            for position, stage in enumerate(definition.stages)
        ],
        "distribution": _distribution(definition, found.get("bin", ())),
        "weeks": [{"week": row["week"], **figures_answer(row)} for row in found.get("week", ())],
        "segments": [{"segment": row["segment"], **figures_answer(row)} for row in segments[:MAX_SEGMENTS]],
        "segments_truncated": len(segments) > MAX_SEGMENTS,
    }


def waiting_answer(definition: Definition, found: Sequence[WaitingPerson], *, is_cut: bool) -> dict[str, Any]:
    return {
        "journey": definition.slug,
        "results": [
            {
                "user_id": one.person,
                "waits_for": definition.stages[one.position].key,
                "started_at": one.started_at,
                "waiting_minutes": one.minutes,
                "is_followed": one.is_followed,
            }
            for one in found
        ],
        "results_truncated": is_cut,
    }


def figures_answer(row: Row) -> Row:
    """One of the report's rows with the share of those who completed."""
    names = ("people", "completed", "efficiency_score", "median_minutes", "mean_minutes", "p90_minutes")
    return {
        **{name: row[name] for name in names},
        "completion_ratio": _ratio(row["completed"], row["people"]),
    }


def _described(stage: Stage) -> Row:
    return {
        "key": stage.key,
        "name": stage.name,
        "target_minutes": stage.target_minutes,
        "weight": stage.weight,
    }


def _reached(stage: Stage, at: datetime | None, minutes: float | None) -> Row:
    target = stage.target_minutes
    return {
        **_described(stage),
        "reached_at": at,
        "minutes": minutes,
        "is_within_target": None if minutes is None or target is None else minutes <= target,
    }


def _stage(stage: Stage, people: int, row: Row | None, waiting: Row) -> Row:
    """Without a row: the first milestone, which everybody has reached and nobody takes time for."""
    measured = row or {"reached": people, "median_minutes": None, "mean_minutes": None, "p90_minutes": None}
    within = row["within_target"] if row and stage.target_minutes is not None else None
    return {
        **_described(stage),
        **{name: measured[name] for name in ("reached", "median_minutes", "mean_minutes", "p90_minutes")},
        "reached_ratio": _ratio(measured["reached"], people),
        "within_target_ratio": None if within is None else _ratio(within, measured["reached"]),
        "waiting": {name: waiting[name] for name in _NOBODY},
    }


def _distribution(definition: Definition, rows: Sequence[Row]) -> list[Row]:
    """Every bar, also those of nobody."""
    people = {row["bin"]: row["people"] for row in rows}
    edges: list[float | None] = [*bins(definition), None]
    return [
        {"from_minutes": low, "to_minutes": high, "people": people.get(number, 0)}
        for number, (low, high) in enumerate(pairwise(edges), start=1)
    ]


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None

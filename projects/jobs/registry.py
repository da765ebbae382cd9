"""The kinds of long work there are, each declared by the app that knows how, in its `AppConfig.ready`:

    declare("export_events", "events.exports")

and registered by that module:

    register(Kind(name="export_events", words="Export events", permission="events.view_event", check=..., run=...))

Exports need less: `exporting.export_kind` makes their kind out of a queryset and its columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any

LEASE_SECONDS = 30.0


class CannotStart(ValueError):
    """What was asked for can't be done; the text says why, in plain words."""


class JobFailed(Exception):
    """Trying again would not help; the text says why and what to do, in plain words."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for: `given` are the form's parameters, and `project_id` is None where a kind is for all."""

    given: Mapping[str, str]
    project_id: int | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """A request that was understood: `parameters` as JSON for `run`, `words` for people."""

    parameters: dict[str, Any]
    words: str


@dataclass(frozen=True, slots=True)
class Work:
    """What `run` is given. `cursor` is the last step's, None at the beginning."""

    parameters: Mapping[str, Any]
    project_id: int | None
    created_at: datetime
    cursor: Any = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did, kept in one transaction: all of it, or (where the worker dies) nothing.

    `cursor` (JSON) is where the next one goes on; `text` is added to the result.
    """

    cursor: Any
    done_count: int = 0
    done_ratio: float | None = None
    text: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of long work.

    `check` understands a request or raises CannotStart. `run` yields a Step about once a second and ends with its work;
    it is begun anew with the last step's cursor in each slice of a worker's time, so it must not keep anything else.
    Steps may be repeated where a worker dies. Raises JobFailed.
    """

    name: str
    words: str
    check: Callable[[Request], Order]
    run: Callable[[Work], Iterator[Step]]
    permission: str = ""
    """Needed beside the project's membership; "" leaves the kind to superusers."""
    of_project: bool = True
    unit: str = "rows"
    """What `done_count` counts."""
    lease_seconds: float = LEASE_SECONDS
    """Longer than any step takes: afterwards another worker takes the job for abandoned."""


_kinds: dict[str, Kind] = {}
_modules: dict[str, str] = {}


def declare(name: str, module: str) -> None:
    """The kind that `module` registers. It is imported when somebody asks for the kind: most processes never do."""
    _modules[name] = module


def register(kind: Kind) -> Kind:
    _kinds[kind.name] = kind
    return kind


def kind_of(name: str) -> Kind | None:
    if name not in _kinds and name in _modules:
        import_module(_modules[name])
    return _kinds.get(name)

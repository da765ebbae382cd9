"""Which events a URL asks for: filters by the API's field names, and the terms of the search box in `q`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from events import persons
from events.explorer.conditions import ID, PERSON, all_of, check, condition_of, of_ids
from events.explorer.fields import ALIASES, find_field
from events.explorer.terms import Operator, Term, parse, written
from events.rollups import DIMENSIONS
from projects.pages.page import Problem
from projects.pages.scope import Scope
from storage.sql_pieces import Sql

SEARCH = "q"
COUNTED_BY, COLUMNS, CURSOR, EVENT, EVENT_TIME, LIVE = "by", "columns", "cursor", "event", "at", "live"
VIEW_PARAMETERS = frozenset({SEARCH, COUNTED_BY, COLUMNS, CURSOR, EVENT, EVENT_TIME, LIVE})
"""What of the URL says how events are shown, not which."""

_FRESH = {CURSOR: None, EVENT: None, EVENT_TIME: None}
"""Another selection begins at its newest event, with none opened."""

_ROLLED_UP_OPERATORS = frozenset({"=", "!=", "~", "!~", "exists", "missing"})


@dataclass(frozen=True, slots=True)
class Chip:
    """A term that is in force, and the page without it."""

    text: str
    url: str


@dataclass(frozen=True)
class Selection:
    """`named` are the terms that stand in the URL under a name of their own, `searched` those of the search box."""

    scope: Scope
    named: Mapping[str, Term]
    searched: Sequence[Term]

    @property
    def terms(self) -> list[Term]:
        return list(dict.fromkeys([*self.named.values(), *self.searched]))

    @cached_property
    def project_id(self) -> int:
        """Whose events; pages without a project never get as far."""
        if self.scope.project is None:
            raise Problem("Choose a project.")
        return self.scope.project.pk

    @cached_property
    def condition(self) -> Sql:
        """All terms as SQL over one row of events. Looks up the ids of a person, where one is asked for."""
        return condition_over(self.project_id, self.terms)

    @property
    def dimensions(self) -> frozenset[str] | None:
        """The roll-ups' dimensions that it names; None where they can't answer it."""
        names = {ALIASES.get(term.field, term.field) for term in self.terms}
        if not names <= set(DIMENSIONS) or any(
            term.operator not in _ROLLED_UP_OPERATORS for term in self.terms
        ):
            return None
        return frozenset(names)

    @property
    def person(self) -> str:
        """The id of the one person or user that it is about; "" where it isn't."""
        ids = [
            term.value for term in self.terms if term.field in (PERSON, "user_id") and term.operator == "="
        ]
        return ids[0] if len(ids) == 1 else ""

    @property
    def parameters(self) -> dict[str, str]:
        """Of a URL that selects the same events."""
        search = written(self.searched)
        named = {name: term.value for name, term in self.named.items()}
        return {**named, SEARCH: search} if search else named

    @property
    def chips(self) -> list[Chip]:
        chips = [Chip(term.text, self.url(**{name: None})) for name, term in self.named.items()]
        return chips + [Chip(term.text, self._without(term)) for term in self.searched]

    def url(self, **changed: str | None) -> str:
        """This page with other filters, from its newest event on."""
        return self.scope.here(**{**_FRESH, **changed})

    def with_term(self, field: str, operator: Operator, value: str = "") -> str:
        """This page narrowed down further."""
        term = Term(field, operator, value)
        if operator == "=" and field not in self.named and value:
            return self.url(**{field: value})
        return self.url(**{SEARCH: written(dict.fromkeys([*self.searched, term]))})

    def having(self, field: str, value: str) -> str:
        """Narrowed down to events with this value; "" asks for those that have none."""
        return self.with_term(field, "=", value) if value else self.with_term(field, "missing")

    def without(self, field: str, value: str) -> str:
        """Narrowed down to events with another value than this."""
        return self.with_term(field, "!=", value) if value else self.with_term(field, "exists")

    def _without(self, gone: Term) -> str:
        return self.url(**{SEARCH: written(term for term in self.searched if term != gone)})


def selection_of(scope: Scope) -> Selection:
    """Raises Problem for parameters that name no field, and for terms that make no sense."""
    named, searched = terms_of(scope.filters)
    return Selection(scope, named, searched)


def terms_of(parameters: Mapping[str, str]) -> tuple[dict[str, Term], list[Term]]:
    """Those that stand under a name of their own, by it, and those of the search. Raises Problem."""
    named = {
        name: Term(name, "=", value) for name, value in parameters.items() if name not in VIEW_PARAMETERS
    }
    for name in named:
        if name not in (ID, PERSON) and find_field(name) is None:
            raise Problem(f"Events can't be filtered by {name[:60]!r}: take it out of the URL.")
    searched = parse(parameters.get(SEARCH, ""))
    for term in (*named.values(), *searched):
        check(term)
    return named, searched


def condition_over(project_id: int, terms: Iterable[Term]) -> Sql:
    """All of the terms as SQL over one row of events. Looks up the ids of persons."""
    return all_of(
        of_ids(persons.ids_of_person(project_id, term.value)) if term.field == PERSON else condition_of(term)
        for term in terms
    )

"""Matchers read from JSON; every error names the key that is wrong. Pure."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, get_args

from analytics.matchers.matcher import NAMED_COLUMNS, Comparison, Filter, Matcher, Operator
from events.columns import columns_in_words, is_column, number_of_column

MAX_TEXT = 1000
MAX_FILTERS = 50
MAX_ALTERNATIVES = 50
MAX_TEXTS = 1000
"""Of one `one_of`."""
MAX_TESTS = 200
"""Of a whole matcher: each may be a column of a statement, and PostgreSQL has at most 1,664."""
MAX_TEXTS_IN_ALL = 5000
"""Of a whole matcher, as thousands of events are asked for each of them."""

MATCHER_KEYS: Final = (*NAMED_COLUMNS, "filters", "any_of")
_OPERATORS: Final = get_args(Operator)
_COMPARISONS: Final = get_args(Comparison)


class MatcherError(ValueError):
    """`key` is the path of what is wrong (`steps[0].filters.tags.plan`), the text says what is."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}" if key else message)
        self.key = key
        self.message = message


def parse(value: object, key: str = "", also: Collection[str] = ()) -> Matcher:
    """A matcher from `{"event_name", "event_type", "event_category", "filters", "any_of"}`, each of them optional.

    `filters` is `{column: value}` (equals), `{column: [values]}` (one of) or `{column: {operator: value}}`, where
    several operators all have to hold. `any_of` lists alternatives of the same form, one level deep. `also` are keys
    of the same object that the caller reads. Raises MatcherError.
    """
    found = _matcher(value, key, also, may_nest=True)
    if problem := size_error(found):
        raise MatcherError(_inside(key, "any_of" if found.any_of else "filters"), problem)
    return found


def size_error(matcher: Matcher) -> str:
    """Why it asks too much in all, whatever each part of it asks; empty where it doesn't."""
    tests = list(matcher.plain_filters)
    if len(tests) > MAX_TESTS:
        return f"Must have at most {MAX_TESTS} conditions in all, names and alternatives included, not {len(tests)}."
    if sum(len(one.texts) for one in tests) > MAX_TEXTS_IN_ALL:
        return f"Must have at most {MAX_TEXTS_IN_ALL} values in all; a whole number counts twice."
    return ""


def as_json(matcher: Matcher) -> dict[str, Any]:
    """The JSON that `parse` reads as this matcher, always in the same form."""
    found: dict[str, Any] = {
        name: text for name in NAMED_COLUMNS if (text := getattr(matcher, name)) is not None
    }
    for one in matcher.filters:
        found.setdefault("filters", {}).setdefault(one.column, {}).update(_filter_json(one))
    if matcher.any_of:
        found["any_of"] = [as_json(one) for one in matcher.any_of]
    return found


def _matcher(value: object, key: str, also: Collection[str], *, may_nest: bool) -> Matcher:
    if not isinstance(value, Mapping):
        raise MatcherError(key, "Must be an object.")
    known = MATCHER_KEYS if may_nest else tuple(name for name in MATCHER_KEYS if name != "any_of")
    for name in value:
        if name not in known and name not in also:
            raise MatcherError(_inside(key, str(name)[:100]), "Unknown key.")
    names = {
        name: _text(value[name], _inside(key, name)) for name in NAMED_COLUMNS if value.get(name) is not None
    }
    filters = _filters(value.get("filters"), _inside(key, "filters"))
    any_of = _alternatives(value.get("any_of"), _inside(key, "any_of"))
    if not (names or filters or any_of):
        raise MatcherError(key, f"Needs at least one of {', '.join(known)}.")
    return Matcher(**names, filters=filters, any_of=any_of)


def _alternatives(value: object, key: str) -> tuple[Matcher, ...]:
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str) or not 0 < len(value) <= MAX_ALTERNATIVES:
        raise MatcherError(key, f"Must be a list of 1 to {MAX_ALTERNATIVES} matchers.")
    return tuple(_matcher(one, f"{key}[{number}]", (), may_nest=False) for number, one in enumerate(value))


def _filters(value: object, key: str) -> tuple[Filter, ...]:
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise MatcherError(key, "Must be an object.")
    if len(value) > MAX_FILTERS:
        raise MatcherError(key, f"Must have at most {MAX_FILTERS} keys, not {len(value)}.")
    found: list[Filter] = []
    for column, tests in value.items():
        here = _inside(key, column[:MAX_TEXT])
        if not is_column(column) or len(column) > MAX_TEXT or "\0" in column:
            raise MatcherError(here, f"Is not one of {columns_in_words()}.")
        found += _tests(column, tests, here, may_negate=True)
    return tuple(found)


def _tests(column: str, value: object, key: str, *, may_negate: bool) -> list[Filter]:
    """The filters of one column: of a bare value, a list, or an object of operators."""
    if not isinstance(value, Mapping):
        return [_test(column, "one_of" if _is_list(value) else "equals", value, key)]
    if not value:
        raise MatcherError(key, f"Names none of {', '.join(_OPERATORS)}.")
    found: list[Filter] = []
    for operator, operand in value.items():
        here = _inside(key, str(operator)[:100])
        if operator not in _OPERATORS or (operator == "not" and not may_negate):
            raise MatcherError(here, f"Is not one of {', '.join(_OPERATORS)}.")
        if operator == "not":
            inner = _tests(column, operand, here, may_negate=False)
            found.append(Filter(column, "not", inner=tuple(inner)))
        else:
            found.append(_test(column, operator, operand, here))
    return found


def _test(column: str, operator: Operator, value: object, key: str) -> Filter:
    match operator:
        case "one_of":
            return Filter(column, operator, texts=_texts(value, key))
        case "exists":
            if not isinstance(value, bool):
                raise MatcherError(key, "Must be true or false.")
            return Filter(column, operator, is_there=value)
        case comparison if comparison in _COMPARISONS:
            if number_of_column(column) is None:
                raise MatcherError(key, f"{column} holds text, which is neither greater nor less.")
            return Filter(column, operator, number=_number(value, key))
        case "equals":
            return Filter(column, operator, texts=_forms(value, key))
        case _:
            return Filter(column, operator, texts=(_text(value, key),))


def _texts(value: object, key: str) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not 0 < len(value) <= MAX_TEXTS:
        raise MatcherError(key, f"Must be a list of 1 to {MAX_TEXTS} values.")
    return tuple(text for number, one in enumerate(value) for text in _forms(one, f"{key}[{number}]"))


def _forms(value: object, key: str) -> tuple[str, ...]:
    """The texts that are this value: clients send a whole number as 500 or as 500.0, and JSON keeps what they send."""
    text = _text(value, key)
    is_whole = isinstance(value, int | float) and not isinstance(value, bool) and "." not in text
    return (text, f"{text}.0") if is_whole else (text,)


def _text(value: object, key: str) -> str:
    """A value as the text it is compared by: 500.0 is "500", 1e-7 is "0.0000001", true is "true"."""
    if value is None:
        raise MatcherError(key, "Needs a value.")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # Adding nothing makes -0.0 a plain zero; no number of jsonb has an exponent.
        value = format(Decimal(repr(value)) + 0, "f").removesuffix(".0")
    if not isinstance(value, str | int):
        raise MatcherError(key, "Must be a text, a number, true or false.")
    text = str(value)
    if len(text) > MAX_TEXT or "\0" in text:
        raise MatcherError(key, f"Must have at most {MAX_TEXT} characters, and no NUL.")
    return text


def _number(value: object, key: str) -> Decimal:
    if value is None:
        raise MatcherError(key, "Needs a value.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise MatcherError(key, "Must be a number that a double can hold.")
    return Decimal(repr(value))


def _filter_json(one: Filter) -> dict[str, Any]:
    if one.operator == "not":
        inner: dict[str, Any] = {}
        for other in one.inner:
            inner.update(_filter_json(other))
        return {"not": inner}
    if one.operator == "one_of":
        return {"one_of": list(one.texts)}
    if one.operator == "exists":
        return {"exists": one.is_there}
    if one.operator in _COMPARISONS:
        number = one.number
        return {one.operator: int(number) if number == number.to_integral_value() else float(number)}
    # Two texts are the forms of one whole number.
    return {one.operator: int(one.texts[0]) if len(one.texts) > 1 else one.texts[0]}


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _inside(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name

"""What a link fills into the form of a new rule: explorers send what they show, under the names of their own URLs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from alerting.admin.rule_form_fields import watches
from alerting.rule_types.fields import pairs
from alerting.rule_types.selection import COLUMNS

SETTINGS = (
    "name",
    "description",
    "severity",
    "for_seconds",
    "keep_firing_for_seconds",
    "recovery_threshold",
    "no_data",
    "evaluation_interval_seconds",
    "evaluation_delay_seconds",
)
"""Fields of the rule itself that a link may fill. Never who is told: a link must not send alerts to strangers."""

SERIES_COLUMNS = frozenset(
    {"service_name", "host_name", "instance_id", "metric_category", "tenant_id", "currency"}
)
"""Of metrics and business metrics; all other labels are written `tags.<key>` or `dimensions.<key>`."""

_PREFIXES = ("tags.", "properties.", "dimensions.")


def prefilled(parameters: Mapping[str, str], fields: Mapping[str, forms.Field]) -> dict[str, Any]:
    """Texts, and matchers, for the form's `fields`, by name. Pure; what is unknown or fits no field is left out.

    `watch=<type>:<source>`, or `rule_type` and `source_type`, choose what is watched. The keys of its condition and
    the rule's SETTINGS go into their fields; the source's columns and `tags.<key>`, `properties.<key>` or
    `dimensions.<key>` become filters beside those of `filters` (a line `key=value` each), of events a matcher.
    `severity` of events is a filter, as in their explorer.
    """
    watch = _watch(parameters)
    if not watch:
        return {}
    source = watch.partition(":")[2]
    asked = watches()[watch]
    filters = _filters(parameters, source, asked)
    settings = [name for name in SETTINGS if not _is_column(name, source)]
    given = {name: parameters.get(name) for name in settings}
    given |= {name: field.linked(name, parameters, filters) for name, field in asked.items()}
    fitting = {
        name: value
        for name, value in given.items()
        if value and name in fields and _fits(fields[name], value)
    }
    return {"watch": watch, **fitting}


def _watch(parameters: Mapping[str, str]) -> str:
    """The pair of rule type and source that is meant; "" where there is none such."""
    if parameters.get("watch") in watches():
        return parameters["watch"]
    kind, source = parameters.get("rule_type", ""), parameters.get("source_type", "")
    matching = [
        watch
        for watch in watches()
        if watch.partition(":")[0] == kind and source in {"", watch.partition(":")[2]}
    ]
    return matching[0] if matching else ""


def _filters(parameters: Mapping[str, str], source: str, asked: Mapping[str, forms.Field]) -> dict[str, str]:
    written = pairs(parameters.get("filters", ""))
    named = {
        name: value
        for name, value in parameters.items()
        if value and name not in written and name not in asked and _is_filter(name, source)
    }
    return {**written, **named}


def _is_filter(name: str, source: str) -> bool:
    return name.startswith(_PREFIXES) or _is_column(name, source)


def _is_column(name: str, source: str) -> bool:
    return name in (COLUMNS[source].plain if source in COLUMNS else SERIES_COLUMNS)


def _fits(field: forms.Field, value: Any) -> bool:
    if isinstance(value, str) and "\0" in value:
        return False
    try:
        field.clean(value)
    except forms.ValidationError:
        return False
    return True

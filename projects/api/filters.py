"""Filters of the read API: unknown query parameters are refused by name, times are RFC 3339 or Unix numbers."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import F, Func, QuerySet, TextField, Value
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request
from rest_framework.views import APIView

from projects.api.errors import BadRequest
from storage.ids import normal_trace_id
from storage.times import parse_time

PAGE_PARAMETERS = frozenset({"cursor", "page_size", "format"})

MAX_SHOWN = 40
"""Characters of an unknown parameter's name in the answer: enough to find it, and no key in full."""


class TimeField(forms.CharField):
    """RFC 3339 (no zone = UTC) or a Unix number, as in requests."""

    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_time(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class TimeFilter(django_filters.Filter):
    field_class = TimeField


def json_text_at(column: str, key: str) -> Func:
    """The text under a key of a JSON object; Django's own transform takes a key of digits for a place in a list."""
    return Func(F(column), Value(key), function="jsonb_extract_path_text", output_field=TextField())


class TraceIdFilter(django_filters.CharFilter):
    """Finds hexadecimal ids in either case."""

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        found: QuerySet[Any] = super().filter(qs, normal_trace_id(value) if value else value)
        return found


class NumberFilter(django_filters.Filter):
    """Equality with a number; django-filter's own takes decimals, which a float column never equals."""

    field_class = forms.FloatField


class AddressFilter(django_filters.Filter):
    field_class = forms.GenericIPAddressField


class ProjectFilterSet(django_filters.FilterSet):
    """Base of all filter sets: declared filters plus `<column>.<key>` into the JSON columns named in `json_columns`."""

    json_columns: ClassVar[dict[str, str]] = {}

    @property
    def qs(self) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super().qs
        for number, parameter in enumerate(self.data):
            column, dot, key = parameter.partition(".")
            if dot and column in self.json_columns:
                text = json_text_at(self.json_columns[column], key)
                alias = f"json_text_{number}"
                queryset = queryset.alias(**{alias: text}).filter(**{alias: self.data[parameter]})
        return queryset

    @classmethod
    def knows(cls, parameter: str) -> bool:
        column, dot, key = parameter.partition(".")
        return parameter in cls.base_filters or bool(dot and key and column in cls.json_columns)


def refuse_parameters(request: Request, known: Container[str] = ()) -> None:
    """For views that take few query parameters or none: any other is 400 by name."""
    for parameter in request.query_params:
        if parameter in known:
            continue
        raise BadRequest(f"Unknown query parameter {parameter[:MAX_SHOWN]!r}.", code="unknown_parameter")


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter's backend that names what it doesn't know instead of ignoring it."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        for parameter, value in request.query_params.items():
            known = parameter in PAGE_PARAMETERS or (filterset_class and filterset_class.knows(parameter))
            if not known:
                raise BadRequest(f"Unknown query parameter {parameter!r}.", code="unknown_parameter")
            if "\0" in parameter or "\0" in value:
                raise BadRequest(
                    f"Query parameter {parameter.replace(chr(0), '')!r} has a NUL.", code="invalid"
                )
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered

"""Routes below `/api/v1/`, each with and without a trailing slash."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, re_path

from alerting.api.alerts import AlertViewSet
from alerting.api.base import AlertingViewSet
from alerting.api.channels import NotificationChannelViewSet
from alerting.api.notifications import NotificationViewSet
from alerting.api.rules import RuleViewSet

ID = r"(?P<pk>[^/]+)"

_LIST = {"get": "list"}
_ONE = {"get": "retrieve"}
_ROUTES: list[tuple[str, type[AlertingViewSet], Any]] = [
    ("alert-rules", RuleViewSet, {**_LIST, "post": "create"}),
    (f"alert-rules/{ID}", RuleViewSet, {**_ONE, "patch": "partial_update", "delete": "destroy"}),
    ("notification-channels", NotificationChannelViewSet, {**_LIST, "post": "create"}),
    (
        f"notification-channels/{ID}",
        NotificationChannelViewSet,
        {**_ONE, "patch": "partial_update", "delete": "destroy"},
    ),
    ("alerts", AlertViewSet, _LIST),
    (f"alerts/{ID}", AlertViewSet, _ONE),
    *(
        (f"alerts/{ID}/{name}", AlertViewSet, {"post": name})
        for name in ("acknowledge", "resolve", "assign", "note")
    ),
    ("notifications", NotificationViewSet, _LIST),
    (f"notifications/{ID}", NotificationViewSet, _ONE),
]


def _paths(end: str) -> list[URLPattern]:
    return [re_path(f"^{route}{end}", view.as_view(methods)) for route, view, methods in _ROUTES]


urlpatterns = _paths("/?$")
described = _paths("$")
"""The same once more for OpenAPI, which can't write an optional slash."""

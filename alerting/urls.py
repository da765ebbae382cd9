"""Routes below `/api/v1/`, each with and without a trailing slash."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, re_path

from alerting.api.alerts import AlertViewSet
from alerting.api.backtest import BacktestViewSet
from alerting.api.base import AlertingViewSet
from alerting.api.channels import NotificationChannelViewSet
from alerting.api.notifications import NotificationViewSet
from alerting.api.policies import (
    InhibitionRuleViewSet,
    MaintenanceWindowViewSet,
    NotificationPolicyViewSet,
)
from alerting.api.rules import RuleViewSet
from alerting.api.silences import SilenceViewSet

ID = r"(?P<pk>[^/]+)"

_LIST = {"get": "list"}
_ONE = {"get": "retrieve"}
Route = tuple[str, type[AlertingViewSet], Any]


def _setting(path: str, view: type[AlertingViewSet]) -> list[Route]:
    return [
        (path, view, {**_LIST, "post": "create"}),
        (f"{path}/{ID}", view, {**_ONE, "patch": "partial_update", "delete": "destroy"}),
    ]


_ROUTES: list[Route] = [
    ("alert-rules", RuleViewSet, {**_LIST, "post": "create"}),
    ("alert-rules/backtest", BacktestViewSet, {"post": "backtest"}),
    (f"alert-rules/{ID}", RuleViewSet, {**_ONE, "patch": "partial_update", "delete": "destroy"}),
    ("notification-channels", NotificationChannelViewSet, {**_LIST, "post": "create"}),
    (
        f"notification-channels/{ID}",
        NotificationChannelViewSet,
        {**_ONE, "patch": "partial_update", "delete": "destroy"},
    ),
    ("alerts", AlertViewSet, _LIST),
    (f"alerts/{ID}", AlertViewSet, _ONE),
    (f"alerts/{ID}/why", AlertViewSet, {"get": "why"}),
    *(
        (f"alerts/{ID}/{name}", AlertViewSet, {"post": name})
        for name in ("acknowledge", "resolve", "assign", "note")
    ),
    *_setting("notification-policies", NotificationPolicyViewSet),
    *_setting("inhibition-rules", InhibitionRuleViewSet),
    *_setting("maintenance-windows", MaintenanceWindowViewSet),
    ("silences", SilenceViewSet, {**_LIST, "post": "create"}),
    ("silences/preview", SilenceViewSet, {"post": "preview"}),
    (f"silences/{ID}", SilenceViewSet, {**_ONE, "patch": "partial_update"}),
    (f"silences/{ID}/expire", SilenceViewSet, {"post": "expire"}),
    ("notifications", NotificationViewSet, _LIST),
    (f"notifications/{ID}", NotificationViewSet, _ONE),
]


def _paths(end: str) -> list[URLPattern]:
    return [re_path(f"^{route}{end}", view.as_view(methods)) for route, view, methods in _ROUTES]


urlpatterns = _paths("/?$")
described = _paths("$")
"""The same once more for OpenAPI, which can't write an optional slash."""

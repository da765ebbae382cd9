"""The addresses that messages and records of a worker lead to; web answers there, see `urls`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("alerting.acknowledge.urls")),
    path("admin/", admin.site.urls),
]

"""The worker's addresses: none. What asks for one by name fails here at once, in words that say why."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

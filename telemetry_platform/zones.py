"""Times of the admin in the reader's own zone, wherever a page writes or reads them."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from projects.pages.zones import zone_of

View = Callable[[HttpRequest], HttpResponseBase]


class ReaderZoneMiddleware:
    """Lists, forms and pages of the admin show and take times by the reader's clock; the API's are UTC."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith("/admin/"):
            return self.get_response(request)
        with timezone.override(zone_of(request)):
            return self.get_response(request)

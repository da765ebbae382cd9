"""Django's WSGI handler, for whatever clients write into their headers."""

from __future__ import annotations

from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest


class TolerantRequest(WSGIRequest):
    """Has no parameters where those of its Content-Type can't be read.

    Django reads them before any middleware runs, and an unknown charset (`name*=zz''x`, RFC 2231) ends that in a
    traceback and an empty 500.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # Django's own hook, left out of the stubs
        except (ValueError, LookupError):
            self.content_type = meta.get("CONTENT_TYPE", "").partition(";")[0].strip()
            self.content_params = {}


class TolerantHandler(WSGIHandler):
    request_class = TolerantRequest


def make_application() -> TolerantHandler:
    """As django.core.wsgi.get_wsgi_application."""
    django.setup(set_prefix=False)
    return TolerantHandler()

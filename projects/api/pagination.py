"""Keyset pages as DRF serves them."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from projects.api.errors import BadRequest
from projects.keyset import InvalidCursor, page_of

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


class KeysetPagination(BasePagination):
    """Newest first over the view's `keyset` (column names, e.g. `("event_timestamp", "id")`)."""

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        self.url = remove_query_param(request.build_absolute_uri(), "cursor")
        key: tuple[str, ...] = view.keyset  # type: ignore[union-attr]  # every list view names its keyset
        try:
            self.page = page_of(queryset, key, request.query_params.get("cursor"), page_size_of(request))
        except InvalidCursor:
            raise BadRequest("This cursor is not one of ours.", code="invalid_cursor") from None
        return self.page.rows

    def _link(self, cursor: str | None) -> str | None:
        return replace_query_param(self.url, "cursor", cursor) if cursor else None

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "next": self._link(self.page.next_cursor),
                "previous": self._link(self.page.previous_cursor),
                "results": data,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        url = {"type": "string", "nullable": True, "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": url, "previous": url, "results": schema},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE}
        return [
            {"name": "page_size", "in": "query", "required": False, "schema": size},
            {"name": "cursor", "in": "query", "required": False, "schema": {"type": "string"}},
        ]


def page_size_of(request: Request) -> int:
    text = request.query_params.get("page_size", str(DEFAULT_PAGE_SIZE))
    if not text.isascii() or not text.isdigit() or len(text) > 4 or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise BadRequest(
            f"page_size must be a whole number from 1 to {MAX_PAGE_SIZE}.", code="invalid_page_size"
        )
    return int(text)

"""What the road of an event costs before there is any road: the same frame around nothing."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest.views import AnyParser
from projects.api.authentication import KeyRateThrottle


class NoopView(APIView):
    """Authenticates as the ingest views do, reads the body, answers 202."""

    scopes = {"POST": "ingest"}
    parser_classes = [AnyParser]
    throttle_classes = [KeyRateThrottle]

    def post(self, request: Request) -> HttpResponse:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        request.META["wsgi.input"].read(length)
        return HttpResponse(b"{}", status=202, content_type="application/json")

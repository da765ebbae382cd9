"""Who changes what, for the audit log."""

from __future__ import annotations

from auditlog.middleware import AuditlogMiddleware
from django.http import HttpRequest, HttpResponse

PROBES = frozenset({"/health", "/ready", "/metrics"})


class AuditActorMiddleware(AuditlogMiddleware):
    """Leaves probes alone: whose login cookie a browser sends along says the database, which may be away."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.rstrip("/") in PROBES:
            response: HttpResponse = self.get_response(request)
        else:
            response = super().__call__(request)
        return response

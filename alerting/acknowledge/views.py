"""The page behind the signed link of a message: who has it may acknowledge, without a login.

Mail scanners and link previews open every link, so opening changes nothing; only sending the form does.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from alerting import actions, links
from alerting.acknowledge.pages import AlertPage, Ending, alert_page
from alerting.links import AcknowledgeLink, ExpiredLinkError, ForgedLinkError
from alerting.messages import clean
from alerting.models import Alert

NOTE_LIMIT = 500

HEADERS = {
    # The address is the secret: it must stay out of caches, and out of the requests of pages opened from here.
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}

FORGED = Ending(403, "This link is not valid", "Open it again from the message, unchanged and complete.")
EXPIRED = Ending(410, "This link has expired", "Links work for 7 days, and for one episode of an alert.")
UNREADABLE = Ending(400, "This form could not be read", "Open the link in the message, and send it again.")
GONE = Ending(
    404, "This alert is no longer kept", "It was deleted, or it is older than alerts are kept here."
)


# No cookie is involved that another site could ride on: the signed token in the form is what authorises.
@method_decorator(csrf_exempt, name="dispatch")
class AcknowledgeView(View):
    """GET shows the alert and one form; POST with the form's fields acknowledges."""

    http_method_names = ["get", "head", "post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = super().dispatch(request, *args, **kwargs)
        except (BadRequest, MultiPartParserError, SuspiciousOperation):
            # Django's own answer would come without the headers below.
            response = _show(request, ending=UNREADABLE)
        for name, value in HEADERS.items():
            response[name] = value
        return response

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        now = timezone.now()
        found = _find(token, now)
        if isinstance(found, Ending):
            return _show(request, ending=found)
        _, alert = found
        return _show(request, page=alert_page(alert, now=now), token=token)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        now = timezone.now()
        found = _find(token, now)
        if isinstance(found, Ending):
            return _show(request, ending=found)
        # A robot that posts to every address it sees has the address, but not the form.
        if not constant_time_compare(request.POST.get("token", ""), token):
            return _show(request, ending=FORGED)
        link, alert = found
        note = clean(request.POST.get("note", ""), NOTE_LIMIT)
        try:
            alert = actions.acknowledge(alert.pk, actor=f"link to {link.recipient}", note=note, now=now)
        except actions.AlreadyHandled as handled:
            alert = handled.alert
        except Alert.DoesNotExist:
            return _show(request, ending=GONE)
        return _show(request, page=alert_page(alert, now=now), token=token)


def _find(token: str, now: datetime) -> tuple[AcknowledgeLink, Alert] | Ending:
    try:
        link = links.verify(token, now)
    except ForgedLinkError:
        return FORGED
    except ExpiredLinkError:
        return EXPIRED
    alert = Alert.objects.select_related("rule", "project").filter(pk=link.alert_id).first()
    if alert is None:
        return GONE
    # An alert that fired anew is not the one this message was about.
    return (link, alert) if alert.triggered_at == link.episode else EXPIRED


def _show(
    request: HttpRequest, *, page: AlertPage | None = None, ending: Ending | None = None, token: str = ""
) -> HttpResponse:
    context = {
        "page": page,
        "ending": ending,
        "token": token,
        "note_limit": NOTE_LIMIT,
        "alerts_url": links.alert_url(None),
    }
    return render(request, "alerting/acknowledge.html", context, status=ending.status if ending else 200)

"""Requests from services to `/integrations/<kind>/<channel id>/`: handed to the kind, which checks the signature."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from alerting.channels import channel_kinds
from alerting.models import NotificationChannel


# No cookie is involved that another site could ride on: each request proves itself by its signature.
@csrf_exempt
@require_POST
def receive(request: HttpRequest, kind_name: str, channel_id: str) -> HttpResponse:
    """404 for a channel that isn't there, is disabled, or of a kind that nobody calls back."""
    kind = channel_kinds().get(kind_name)
    channel = NotificationChannel.objects.filter(pk=int(channel_id), kind=kind_name, enabled=True).first()
    if kind is None or kind.receive is None or channel is None:
        raise Http404
    try:
        return kind.receive(request, channel)
    except RequestDataTooBig:
        return HttpResponse("The body is too large.\n", status=413, content_type="text/plain")


def address(channel: NotificationChannel) -> str:
    """The full URL for this channel; empty where nobody calls back: no service does that we tell of no changes."""
    kind = channel_kinds().get(channel.kind)
    if kind is None or kind.receive is None or not kind.follows(channel.readable_config):
        return ""
    return f"{settings.PUBLIC_URL}/integrations/{channel.kind}/{channel.pk}/"

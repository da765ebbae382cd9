"""What a channel would get for a sample message, while its form is being filled in."""

from __future__ import annotations

from django.http import Http404, HttpRequest, JsonResponse

from alerting.channels import ConfigError, channel_kinds


def preview(request: HttpRequest, kind_name: str) -> JsonResponse:
    """`{"body"}`, or `{"problem"}` in words. Looks at what shapes the message only: an address isn't needed yet."""
    kind = channel_kinds().get(kind_name)
    if kind is None or kind.preview is None:
        raise Http404
    form = kind.form_class(request.POST)
    form.is_valid()
    try:
        return JsonResponse({"body": kind.preview(form.given)})
    except ConfigError as error:
        return JsonResponse({"problem": " ".join(error.errors.values())})

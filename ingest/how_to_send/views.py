from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from ingest.how_to_send.base import Part, filled, server_url
from ingest.how_to_send.clients import CLIENTS
from projects.models import Project
from projects.visibility import visible_projects


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """`?client=` chooses a client, `?project=` the project that links to a new key lead to."""
    client = next((one for one in CLIENTS if one.slug == request.GET.get("client")), CLIENTS[0])
    project = visible_projects(request.user).filter(pk=_number(request.GET.get("project", ""))).first()
    url = server_url(settings.PUBLIC_URL, f"{request.scheme}://{request.get_host()}")
    context = {
        **admin.site.each_context(request),
        "title": "How to send",
        "url": url,
        "project": project,
        "client": client,
        "clients": [(one.name, _link(one.slug, project), one is client) for one in CLIENTS],
        "parts": [Part(part.title, filled(part.text, url), filled(part.note, url)) for part in client.parts],
        "add_key": _add_key(client.key_kind, project),
    }
    return TemplateResponse(request, "ingest/how_to_send.html", context)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


def _link(slug: str, project: Project | None) -> str:
    return "?" + urlencode({"client": slug} | ({"project": project.pk} if project else {}))


def _add_key(kind: str, project: Project | None) -> SafeString:
    query = urlencode({"kind": kind} | ({"project": project.pk} if project else {}))
    url = f"{reverse('admin:projects_apikey_add')}?{query}"
    return format_html('<a class="home-link" href="{}">make a {} key</a>', url, kind)

from __future__ import annotations

from django.urls import re_path

from alerting.acknowledge.views import AcknowledgeView

urlpatterns = [
    re_path(r"^acknowledge/(?P<token>[^/]+)/?$", AcknowledgeView.as_view(), name="acknowledge"),
    # A mangled address may still hold the secret: it is refused with the same headers.
    re_path(r"^acknowledge/", AcknowledgeView.as_view(), {"token": ""}),
]

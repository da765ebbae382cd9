"""Where services call us back, each for one channel."""

from __future__ import annotations

from django.urls import re_path

from alerting.channels.incoming import receive

urlpatterns = [
    re_path(r"^integrations/(?P<kind_name>[a-z]{1,20})/(?P<channel_id>[0-9]{1,18})/?$", receive),
]

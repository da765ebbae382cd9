from __future__ import annotations

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from unfold.widgets import UnfoldAdminPasswordWidget

from alerting.channels.apprise.services import SERVICES
from alerting.channels.forms import ChannelConfigForm

_EXAMPLES = format_html_join(
    mark_safe("<br>"),
    "{}: {}",
    ((service.title, service.example) for service in SERVICES.values()),
)


class AppriseConfigForm(ChannelConfigForm):
    """One address, which names the service and holds its key."""

    kind_name = "apprise"

    url = forms.CharField(
        required=False,
        widget=UnfoldAdminPasswordWidget,
        label="Address",
        help_text=format_html(
            "One of these, or the https:// address of a webhook that Teams or Discord made:<br>{}", _EXAMPLES
        ),
    )

    @classmethod
    def config_fields(cls) -> tuple[str, ...]:
        return ("url",)

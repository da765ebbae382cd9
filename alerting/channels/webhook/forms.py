from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget

from alerting.channels.errors import ConfigError
from alerting.channels.forms import CLEAR, ChannelConfigForm, SecretTextarea
from alerting.channels.webhook.config import CONTENT_TYPES

_FORMATS = [
    ("native", "JSON of this platform"),
    ("alertmanager", "Alertmanager's JSON (version 4)"),
    ("template", "A body of my own"),
]
_TEMPLATE_HELP = (
    "Only for a body of your own: text with {{ rule }}, {{ labels.host_name }} or {{ alerts | json }} in it. Names: "
    "title text purpose project channel rule severity status labels value threshold condition since until alert_url "
    "acknowledge_url alerts id."
)


class WebhookConfigForm(ChannelConfigForm):
    """Where to, how signed, and what the body is."""

    kind_name = "webhook"
    removable = frozenset({"secret", "headers"})

    url = forms.CharField(
        required=False,
        widget=UnfoldAdminPasswordWidget,
        label="URL",
        help_text="Gets a POST for each message. Addresses inside this network need TELEMETRY_OUTBOUND_ALLOW.",
    )
    secret = forms.CharField(
        required=False,
        widget=UnfoldAdminPasswordWidget,
        help_text="Optional. Signs each request, in X-Telemetry-Signature: t=time,v1=HMAC-SHA256 of “time.body”.",
    )
    headers = forms.CharField(
        required=False,
        widget=SecretTextarea(attrs={"rows": 3}),
        help_text="Optional, one a line: Authorization: Bearer ...",
    )
    format = forms.ChoiceField(required=False, choices=_FORMATS, label="Body")
    template = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=_TEMPLATE_HELP,
    )
    content_type = forms.ChoiceField(
        required=False,
        choices=[(one, one) for one in CONTENT_TYPES],
        label="Content type",
        help_text="Of a body of your own. Values are escaped for it.",
    )

    @classmethod
    def config_fields(cls) -> tuple[str, ...]:
        return ("url", "secret", "headers", "format", "template", "content_type")

    def entered(self) -> dict[str, Any]:
        entered = super().entered()
        if entered.get("format") != "template":
            entered.pop("template", None)
            entered.pop("content_type", None)
        if entered.get("headers", CLEAR) != CLEAR:
            entered["headers"] = _headers(entered["headers"])
        return entered


def _headers(text: str) -> dict[str, str]:
    """Raises ConfigError for a line without a colon."""
    headers = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, colon, value = line.partition(":")
        if not colon:
            raise ConfigError({"headers": "Each line must be a name, a colon and a value."})
        headers[name.strip()] = value.strip()
    return headers

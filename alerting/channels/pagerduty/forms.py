from __future__ import annotations

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from alerting.channels.forms import ChannelConfigForm
from alerting.channels.pagerduty.config import DEFAULT_URL


class PagerDutyConfigForm(ChannelConfigForm):
    """The key of an integration, and which of PagerDuty's regions it is in."""

    kind_name = "pagerduty"

    routing_key = forms.CharField(
        required=False,
        widget=UnfoldAdminPasswordWidget,
        label="Integration key",
        help_text="In PagerDuty: Services, your service, Integrations, add “Events API V2”. 32 characters.",
    )
    url = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": DEFAULT_URL}),
        label="Address",
        help_text="Leave empty, or https://events.eu.pagerduty.com for accounts in the EU region.",
    )

    @classmethod
    def config_fields(cls) -> tuple[str, ...]:
        return ("routing_key", "url")

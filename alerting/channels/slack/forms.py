from __future__ import annotations

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from alerting.channels.forms import ChannelConfigForm


class SlackConfigForm(ChannelConfigForm):
    """A webhook URL, or a bot token with a channel."""

    kind_name = "slack"
    removable = frozenset({"signing_secret"})

    webhook_url = forms.CharField(
        required=False,
        widget=UnfoldAdminPasswordWidget,
        label="Webhook URL",
        help_text="From Slack's “Incoming Webhooks”. It writes to the one channel chosen there.",
    )
    bot_token = forms.CharField(
        required=False,
        widget=UnfoldAdminPasswordWidget,
        label="Bot token",
        help_text="Instead of a webhook: xoxb-... from the app's “OAuth & Permissions”, with the scope chat:write.",
    )
    channel = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Only with a bot token: #alerts, or a channel id. Rules may choose another.",
    )
    signing_secret = forms.CharField(
        required=False,
        widget=UnfoldAdminPasswordWidget,
        label="Signing secret",
        help_text="Only with a bot token; gives messages buttons. From the app's “Basic Information”; the saved "
        "channel's page shows the request URL that goes into “Interactivity & Shortcuts”.",
    )

    @classmethod
    def config_fields(cls) -> tuple[str, ...]:
        return ("webhook_url", "bot_token", "channel", "signing_secret")

    def merged(self, secret_fields: frozenset[str]) -> dict[str, object]:
        """Who enters the one kind of access means to give up the stored other one."""
        merged = super().merged(secret_fields)
        entered = self.entered()
        if "webhook_url" in entered and "bot_token" not in entered:
            return {"webhook_url": merged["webhook_url"], **entered}
        if "bot_token" in entered and "webhook_url" not in entered:
            merged.pop("webhook_url", None)
        return merged

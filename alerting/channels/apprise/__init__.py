"""Teams, Discord, Telegram, Opsgenie and their like, by the library apprise behind our own guard."""

from __future__ import annotations

from alerting.channels.apprise.config import parse_config
from alerting.channels.apprise.forms import AppriseConfigForm
from alerting.channels.apprise.transport import send
from alerting.channels.base import ChannelKind

KIND = ChannelKind(
    name="apprise",
    title="Teams, Discord, Telegram, Opsgenie, ...",
    summary="Many more services, by an address as the library Apprise writes it.",
    secret_fields=frozenset({"url"}),
    parse_config=parse_config,
    send=send,
    form_class=AppriseConfigForm,
    place_fields=frozenset({"url"}),
)

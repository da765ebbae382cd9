"""Any HTTP address: our own JSON, Alertmanager's, or a body that the user wrote; signed where a secret is set."""

from __future__ import annotations

from alerting.channels.base import ChannelKind
from alerting.channels.webhook.config import SECRET_FIELDS, parse_config
from alerting.channels.webhook.forms import WebhookConfigForm
from alerting.channels.webhook.transport import preview, send

KIND = ChannelKind(
    name="webhook",
    title="Webhook",
    summary="Any HTTP address: JSON of ours, Alertmanager's, or a body of your own.",
    secret_fields=SECRET_FIELDS,
    parse_config=parse_config,
    send=send,
    form_class=WebhookConfigForm,
    place_fields=frozenset({"url"}),
    secrets_of_place=frozenset({"secret", "headers"}),
    preview=preview,
)

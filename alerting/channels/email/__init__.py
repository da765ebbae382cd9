"""Mail: text and HTML, to each recipient a mail of its own, by the server in EMAIL_URL."""

from __future__ import annotations

from alerting.channels.base import ChannelKind
from alerting.channels.email.config import parse_config, recipients
from alerting.channels.email.forms import EmailConfigForm
from alerting.channels.email.transport import send

KIND = ChannelKind(
    name="email",
    title="Email",
    summary="To each address a mail of its own.",
    secret_fields=frozenset(),
    parse_config=parse_config,
    send=send,
    form_class=EmailConfigForm,
    recipients=recipients,
)

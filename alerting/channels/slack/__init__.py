"""Slack: by an incoming webhook, or as a bot that may write to any channel it was invited to."""

from __future__ import annotations

from alerting.channels.base import ChannelKind
from alerting.channels.slack.config import FIELDS, for_rule, parse_config
from alerting.channels.slack.forms import SlackConfigForm
from alerting.channels.slack.transport import send

KIND = ChannelKind(
    name="slack",
    title="Slack",
    secret_fields=FIELDS - {"channel"},
    parse_config=parse_config,
    send=send,
    form_class=SlackConfigForm,
    for_rule=for_rule,
)

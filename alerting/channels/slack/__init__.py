"""Slack: by an incoming webhook, or as a bot that may write to any channel it was invited to."""

from __future__ import annotations

from alerting.channels.base import ChannelKind
from alerting.channels.slack.config import FIELDS, follows, for_rule, parse_config
from alerting.channels.slack.forms import SlackConfigForm
from alerting.channels.slack.interactivity import receive
from alerting.channels.slack.transport import send

KIND = ChannelKind(
    name="slack",
    title="Slack",
    summary="A channel there: by an incoming webhook, or as an app with buttons and threads.",
    secret_fields=FIELDS - {"channel"},
    parse_config=parse_config,
    send=send,
    form_class=SlackConfigForm,
    place_fields=FIELDS - {"signing_secret"},
    for_rule=for_rule,
    follows=follows,
    receive=receive,
)

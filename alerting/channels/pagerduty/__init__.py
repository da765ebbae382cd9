"""PagerDuty, by its Events API v2: an incident per alert, which follows what people do here."""

from __future__ import annotations

from alerting.channels.base import ChannelKind
from alerting.channels.pagerduty.config import follows, parse_config
from alerting.channels.pagerduty.forms import PagerDutyConfigForm
from alerting.channels.pagerduty.transport import send

KIND = ChannelKind(
    name="pagerduty",
    title="PagerDuty",
    summary="An incident per alert, acknowledged and resolved along with it.",
    secret_fields=frozenset({"routing_key"}),
    parse_config=parse_config,
    send=send,
    form_class=PagerDutyConfigForm,
    place_fields=frozenset({"url"}),
    secrets_of_place=frozenset({"routing_key"}),
    follows=follows,
    # An event is about one incident.
    takes_groups=False,
)

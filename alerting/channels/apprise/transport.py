"""One message by an apprise plugin, and what came of its requests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from alerting import outbound
from alerting.channels import answers, plain
from alerting.channels.apprise import guard, services
from alerting.channels.base import Config, Reference
from alerting.channels.errors import TransportError
from alerting.messages import Message

_SEVERE = frozenset({"error", "critical"})


def send(config: Config, message: Message, reference: Reference | None = None) -> Reference | None:
    """Deliver within 20 s, all requests together. Raises TransportError.

    What a plugin keeps between messages (Opsgenie's ids, to close what it opened) is the reference.
    """
    service = config["service"]
    try:
        plugin = services.make_plugin(service, config["url"])
    except services.UnusableUrl as error:
        raise TransportError(str(error), permanent=True) from None
    _restore(plugin, message, reference)
    with guard.conversation(outbound.TIMEOUT_SECONDS) as talk:
        is_sent = _notify(plugin, message)
    if problem := _problem(services.SERVICES[service].title, talk, is_sent):
        raise problem
    return _kept(plugin)


def _notify(plugin: Any, message: Message) -> bool:
    body = "\n".join([*plain.facts(message), message.alert_url, message.acknowledge_url]).strip()
    return bool(
        plugin.notify(
            title=harmless(f"[{message.project}] {message.headline}"),
            body=harmless(body),
            notify_type=_notify_type(message),
            body_format="text",
        )
    )


def _notify_type(message: Message) -> Any:
    """Never `info`: services that open incidents open none for it."""
    from apprise import NotifyType

    if message.until:
        return NotifyType.SUCCESS
    return NotifyType.FAILURE if message.severity in _SEVERE else NotifyType.WARNING


def harmless(text: str) -> str:
    """Without mentions and hidden links, whatever the service's markup: a space of no width takes them apart."""
    for sign in ("@", "<"):
        text = text.replace(sign, f"{sign}\u200b")
    return text.replace("](", "]\u200b(")


def _problem(title: str, talk: guard.Conversation, is_sent: bool) -> TransportError | None:
    """What the first request that failed says; a plugin tells only that one did."""
    if is_sent and talk.exchanges:
        return None
    for one in talk.exchanges:
        if isinstance(one, outbound.OutboundError):
            return answers.unanswered(one)
        if refused := answers.refusal(title, one, now=datetime.now(UTC)):
            return refused
    if is_sent:
        return TransportError(f"{title} has no message of this sort", permanent=True, scope="message")
    return TransportError(f"{title} did not take the message", permanent=False)


def _restore(plugin: Any, message: Message, reference: Reference | None) -> None:
    if hasattr(plugin, "alias") and not plugin.alias:
        plugin.alias = message.thread_key
    for name, value in ((reference or {}).get("store") or {}).items():
        plugin.store.set(name, value)


def _kept(plugin: Any) -> Reference | None:
    store = {name: plugin.store.get(name) for name in plugin.store.keys()}  # noqa: SIM118  # no mapping: it has no iterator
    return {"store": store} if store else None

"""A message in plain words, for places that show text as it is."""

from __future__ import annotations

from alerting.messages import AlertPart, Message

LABELS_SHOWN = 10
ALERTS_SHOWN = 20


def text(message: Message) -> str:
    """A line a fact, the alert's address last."""
    return "\n".join([f"[{message.project}] {message.headline}", *facts(message), message.alert_url])


def facts(message: Message) -> list[str]:
    """What was measured, on what, and who did something about it."""
    lines = []
    if message.action:
        by = f"{message.action.word} by {message.action.actor}"
        lines.append(f"{by}: {message.action.note}" if message.action.note else by)
    if message.value:
        lines.append(f"Value {message.value} (threshold {message.threshold})")
    if message.note:
        lines.append(message.note)
    lines += [f"{name} = {value}" for name, value in message.labels[:LABELS_SHOWN]]
    if message.duration:
        lines.append(f"It took {message.duration}.")
    if len(message.alerts) > 1:
        lines += [alert_line(part) for part in message.alerts[:ALERTS_SHOWN]]
        if left_out := len(message.alerts[ALERTS_SHOWN:]) + message.left_out_alert_count:
            lines.append(f"+ {left_out} more alerts")
    return lines


def alert_line(part: AlertPart) -> str:
    """For example "Firing: High CPU {host_name=web-1}: 93.5"."""
    labels = ", ".join(f"{name}={value}" for name, value in part.labels[:LABELS_SHOWN])
    return f"{part.state}: {part.rule}{f' {{{labels}}}' if labels else ''}: {part.value_text}"

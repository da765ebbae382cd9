"""One signed POST, and what its status means."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime

from alerting.channels import answers
from alerting.channels.base import Config, Reference
from alerting.channels.errors import TransportError
from alerting.channels.sample import sample_message
from alerting.channels.webhook import alertmanager, native
from alerting.channels.webhook.config import JSON, parse_config
from alerting.channels.webhook.template import Template, TemplateError
from alerting.messages import Message

SIGNATURE_HEADER = "X-Telemetry-Signature"
ID_HEADER = "X-Telemetry-Message-Id"
"""The same for every attempt at a message: a receiver that has seen it may drop the second."""


def send(config: Config, message: Message, reference: Reference | None = None) -> None:
    """Deliver within 20 s. Raises TransportError."""
    now = datetime.now(UTC)
    try:
        body = render(config, message)
    except TemplateError as error:
        raise TransportError(f"The template made no body: {error}", permanent=True, scope="message") from None
    headers = {
        **config.get("headers", {}),
        "Content-Type": f"{content_type(config)}; charset=utf-8",
        "User-Agent": "telemetry-platform",
        ID_HEADER: message.key,
    }
    if secret := config.get("secret"):
        headers[SIGNATURE_HEADER] = signature(secret, body, now)
    answer = answers.post(config["url"], body, headers)
    # The body of the answer stays unread: servers like to quote the path, and that is the secret.
    if refused := answers.refusal("The webhook", answer, now=now):
        raise refused


def render(config: Config, message: Message) -> bytes:
    """The body in the channel's format. Raises TemplateError."""
    if config["format"] == "alertmanager":
        return json.dumps(alertmanager.document(message)).encode()
    document = native.document(message)
    if config["format"] == "native":
        return json.dumps(document).encode()
    template = Template.parse(config["template"], known=native.FIELDS)
    return template.render(document, content_type(config)).encode()


def content_type(config: Config) -> str:
    """Only a body of the user's own can be anything but JSON."""
    is_own = config["format"] == "template"
    return str(config.get("content_type", JSON)) if is_own else JSON


def signature(secret: str, body: bytes, at: datetime) -> str:
    """`t=<Unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`: the time stops who recorded an old request."""
    timestamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def preview(config: Config) -> str:
    """The body for a sample message, also while there is no address yet. Raises ConfigError."""
    shaping = {name: config[name] for name in ("format", "template", "content_type") if name in config}
    checked = parse_config({"url": "https://example.com/", **shaping})
    body = render(checked, sample_message()).decode()
    return body if checked["format"] == "template" else json.dumps(json.loads(body), indent=2)

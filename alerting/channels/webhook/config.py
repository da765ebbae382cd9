"""`{"url", "secret", "headers", "format", "template", "content_type"}`; all but the first may be left out."""

from __future__ import annotations

import json
import re
from typing import Any

from alerting import outbound
from alerting.channels.base import Config, given_texts
from alerting.channels.errors import ConfigError
from alerting.channels.sample import sample_message
from alerting.channels.webhook import native
from alerting.channels.webhook.template import Template, TemplateError

# The URL too: with most services whoever knows it may write.
SECRET_FIELDS = frozenset({"url", "secret", "headers"})
FIELDS = SECRET_FIELDS | {"format", "template", "content_type"}
FORMATS = ("native", "alertmanager", "template")
JSON = "application/json"
CONTENT_TYPES = (JSON, "text/plain", "application/x-www-form-urlencoded")

MAX_TEMPLATE_LENGTH = 20_000
MAX_HEADERS = 20

_SECRET = re.compile(r"[!-~]{8,500}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[ -~]{1,2000}")
# What the request itself or our signature says.
_OURS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection"})
_OUR_PREFIX = "x-telemetry-"


def parse_config(config: Config) -> dict[str, Any]:
    """Check what was entered and drop what is empty. Raises ConfigError by field."""
    texts = {name: value for name, value in config.items() if name != "headers"}
    given, errors = given_texts(texts, FIELDS - {"headers"})
    given.setdefault("format", "native")
    parsed: dict[str, Any] = dict(given)
    if headers := config.get("headers"):
        parsed["headers"] = headers
        if problem := _header_problem(headers):
            errors["headers"] = problem
    errors |= {name: text for name, text in _problems(given).items() if name not in errors}
    if errors:
        raise ConfigError(errors)
    return parsed


def _problems(given: dict[str, str]) -> dict[str, str]:
    errors: dict[str, str] = {}
    try:
        outbound.check_url(given.get("url", ""))
    except outbound.Refused as error:
        errors["url"] = str(error) if "url" in given else "Enter the URL to post to."
    if "secret" in given and not _SECRET.fullmatch(given["secret"]):
        errors["secret"] = "Must be 8 to 500 printable ASCII characters without spaces."
    if given["format"] not in FORMATS:
        errors["format"] = f"Must be one of {', '.join(FORMATS)}."
    elif given["format"] == "template":
        errors |= _template_problems(given)
    return errors


def _template_problems(given: dict[str, str]) -> dict[str, str]:
    """What doesn't render a sample message would fail at night."""
    text, content_type = given.get("template", ""), given.get("content_type", JSON)
    if content_type not in CONTENT_TYPES:
        return {"content_type": f"Must be one of {', '.join(CONTENT_TYPES)}."}
    if not text:
        return {"template": "Enter the body, or choose another format."}
    if len(text) > MAX_TEMPLATE_LENGTH:
        return {"template": f"At most {MAX_TEMPLATE_LENGTH} characters."}
    try:
        body = Template.parse(text, known=native.FIELDS).render(
            native.document(sample_message()), content_type
        )
        if content_type == JSON:
            json.loads(body)
    except TemplateError as error:
        return {"template": str(error)}
    except ValueError as error:
        return {"template": f"With a sample message this makes no JSON: {error}."}
    return {}


def _header_problem(headers: Any) -> str:
    if not isinstance(headers, dict) or len(headers) > MAX_HEADERS:
        return f"Must be names and values, {MAX_HEADERS} at most."
    for name, value in headers.items():
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            return "Each value must be 1 to 2,000 printable ASCII characters."
        if not _HEADER_NAME.fullmatch(str(name)):
            return "A header's name is made of letters, digits and hyphens."
        if name.lower() in _OURS or name.lower().startswith(_OUR_PREFIX):
            return f"{name} is set by the platform."
    return ""

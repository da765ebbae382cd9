"""What people enter for a channel: by API and in the admin's forms."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict
from pytest_django.fixtures import Settings

from alerting import secrets
from alerting.channels import ConfigError, channel_kinds, kind

WEBHOOK = "https://hooks.slack.example/services/T0/B0/sesame"


def test_each_folder_of_channels_is_a_kind() -> None:
    assert {"slack", "email"} <= set(channel_kinds())


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(ConfigError) as error:
        kind("pigeon")
    assert "pigeon" in error.value.errors["kind"]


@pytest.mark.parametrize(
    ("name", "entered", "stored"),
    [
        ("slack", {"webhook_url": f" {WEBHOOK} "}, {"webhook_url": WEBHOOK}),
        ("slack", {"webhook_url": WEBHOOK, "bot_token": "", "channel": None}, {"webhook_url": WEBHOOK}),
        (
            "slack",
            {"bot_token": "xoxb-12345678", "channel": "#ops"},
            {"bot_token": "xoxb-12345678", "channel": "#ops"},
        ),
        (
            "slack",
            {"bot_token": "xoxb-12345678", "channel": "C012", "signing_secret": "0123456789abcdef"},
            {"bot_token": "xoxb-12345678", "channel": "C012", "signing_secret": "0123456789abcdef"},
        ),
        ("email", {"recipients": ["ana@example.com"]}, {"recipients": ["ana@example.com"]}),
        (
            "email",
            {"recipients": [" ana@example.com", "ANA@example.com", "bob@localhost"]},
            {"recipients": ["ANA@example.com", "bob@localhost"]},
        ),
    ],
)
def test_good_configuration_is_stored_without_what_is_empty(
    name: str, entered: dict[str, Any], stored: dict[str, Any]
) -> None:
    assert kind(name).parse_config(entered) == stored


@pytest.mark.parametrize(
    ("name", "entered", "field"),
    [
        ("slack", {}, "webhook_url"),
        ("slack", {"webhook_url": "hooks.slack.example"}, "webhook_url"),
        ("slack", {"webhook_url": "https://user:word@hooks.slack.example/"}, "webhook_url"),
        ("slack", {"webhook_url": 5}, "webhook_url"),
        ("slack", {"webhook_url": ["https://hooks.slack.example/"]}, "webhook_url"),
        ("slack", {"webhook_url": WEBHOOK, "channel": "#ops"}, "channel"),
        ("slack", {"webhook_url": WEBHOOK, "bot_token": "xoxb-12345678"}, "bot_token"),
        ("slack", {"webhook_url": WEBHOOK, "username": "telemetry"}, "username"),
        ("slack", {"bot_token": "xoxb-12345678"}, "channel"),
        ("slack", {"bot_token": "xoxb-12345678", "channel": "#ops, #all"}, "channel"),
        ("slack", {"bot_token": "xoxb-1234\r\nX: 5678", "channel": "#ops"}, "bot_token"),
        ("email", {}, "recipients"),
        ("email", {"recipients": []}, "recipients"),
        ("email", {"recipients": "ana@example.com"}, "recipients"),
        ("email", {"recipients": [5]}, "recipients"),
        ("email", {"recipients": ["ana"]}, "recipients"),
        ("email", {"recipients": ["ana@example.com\nBcc: eve@example.com"]}, "recipients"),
        ("email", {"recipients": ['"a b"@example.com']}, "recipients"),
        ("email", {"recipients": [f"a{n}@example.com" for n in range(51)]}, "recipients"),
        ("email", {"recipients": ["ana@example.com"], "cc": []}, "cc"),
    ],
)
def test_wrong_configuration_is_refused_by_field(name: str, entered: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError) as error:
        kind(name).parse_config(entered)
    assert set(error.value.errors) == {field}


def test_what_may_be_shown_of_a_configuration_holds_no_secret() -> None:
    config = {"bot_token": "xoxb-12345678", "channel": "#ops"}
    assert kind("slack").public_config(config) == {"bot_token": "set", "channel": "#ops"}
    assert kind("slack").public_config({"webhook_url": WEBHOOK}) == {"webhook_url": "set"}


def _posted(**fields: str) -> QueryDict:
    query = QueryDict(mutable=True)
    query.update(fields)
    return query


def test_the_slack_form_never_renders_a_secret_and_keeps_it_when_left_empty() -> None:
    form_class = kind("slack").form_class
    assert "sesame" not in str(form_class(stored={"webhook_url": WEBHOOK}))
    form = form_class(_posted(webhook_url=""), stored={"webhook_url": WEBHOOK})
    assert form.is_valid()
    assert form.config == {"webhook_url": WEBHOOK}
    assert "sesame" not in str(form_class(_posted(webhook_url=WEBHOOK, channel="#ops")))


def test_the_slack_form_replaces_one_kind_of_access_by_the_other() -> None:
    bot = {"bot_token": "xoxb-12345678", "channel": "#ops"}
    form = kind("slack").form_class(_posted(**bot), stored={"webhook_url": WEBHOOK})
    assert form.is_valid()
    assert form.config == bot
    form = kind("slack").form_class(_posted(webhook_url=WEBHOOK), stored=bot)
    assert form.is_valid()
    assert form.config == {"webhook_url": WEBHOOK}


def test_the_email_form_takes_addresses_line_by_line_and_shows_them_so() -> None:
    form_class = kind("email").form_class
    form = form_class(_posted(recipients="ana@example.com\r\nbob@example.com, eve@example.com\r\n"))
    assert form.is_valid()
    assert form.config == {"recipients": ["ana@example.com", "bob@example.com", "eve@example.com"]}
    assert "ana@example.com\nbob@example.com" in str(form_class(stored=form.config))


def test_forms_say_beside_the_field_what_is_wrong() -> None:
    assert set(kind("email").form_class(_posted(recipients="ana")).errors) == {"recipients"}
    assert set(kind("email").form_class(_posted(recipients="")).errors) == {"recipients"}
    assert set(kind("slack").form_class(_posted(webhook_url="ftp://x/")).errors) == {"webhook_url"}


def test_configuration_is_encrypted_and_read_back() -> None:
    text = secrets.encrypt_config({"webhook_url": WEBHOOK})
    assert "sesame" not in text
    assert secrets.decrypt_config(text) == {"webhook_url": WEBHOOK}


def test_a_fallback_key_still_reads_and_the_text_is_renewed(settings: Settings) -> None:
    settings.SECRET_KEY = "former key"
    text = secrets.encrypt_config({"webhook_url": WEBHOOK})
    assert secrets.renewed(text) is None

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new key", ["former key"]
    assert secrets.decrypt_config(text) == {"webhook_url": WEBHOOK}
    renewed = secrets.renewed(text)
    assert renewed

    settings.SECRET_KEY_FALLBACKS = []
    assert secrets.decrypt_config(renewed) == {"webhook_url": WEBHOOK}
    with pytest.raises(secrets.UnreadableConfigError, match="SECRET_KEY"):
        secrets.decrypt_config(text)

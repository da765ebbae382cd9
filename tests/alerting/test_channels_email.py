from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from alerting.channels import TransportError, kind
from alerting.channels.email.transport import Server, send
from alerting.models import Purpose
from tests.alerting.delivery_rows import NOW
from tests.alerting.receivers import Mailbox, dripping, make_identity, smtp_server, tcp_server
from tests.alerting.test_channels_slack import make_message

ANA = "ana@example.com"


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    with smtp_server() as server:
        settings.EMAIL_URL = server.url
        settings.DEFAULT_FROM_EMAIL = "Telemetry <telemetry@shop.example>"
        settings.PUBLIC_URL = "https://telemetry.shop.example"
        yield server


def test_a_mail_says_everything_in_text_and_html(mailbox: Mailbox) -> None:
    send({}, make_message(recipient=ANA))

    sender, recipients, mail = mailbox.mails[0]
    assert (sender, recipients) == ("telemetry@shop.example", [ANA])
    assert mail["Subject"] == "[Shop] Firing: High Error Rate"
    assert mail["To"] == ANA
    assert mail["From"] == "Telemetry <telemetry@shop.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    for kind_of_text in ("plain", "html"):
        part = mail.get_body((kind_of_text,))
        assert part is not None
        text = part.get_content()
        for fact in (
            "High Error Rate",
            "Shop",
            "error",
            "web-1",
            "2026-03-01 12:00:00 UTC",
            "https://telemetry.example/admin/alerting/alert/1/change/",
            "https://telemetry.example/acknowledge/abc:def/",
        ):
            assert fact in text


def test_mails_about_one_alert_make_one_conversation_and_retries_one_mail(mailbox: Mailbox) -> None:
    send({}, make_message(recipient=ANA, key="first"))
    send({}, make_message(recipient=ANA, key="first"))
    until = NOW + timedelta(minutes=5)
    send({}, make_message(recipient=ANA, key="second", purpose=Purpose.RESOLVED, until=until))
    first, again, resolved = (mail for _, _, mail in mailbox.mails)
    assert first["Message-ID"] == again["Message-ID"] != resolved["Message-ID"]
    assert first["References"] == resolved["References"] == "<alert-1@telemetry.shop.example>"
    assert resolved["Subject"] == "[Shop] Resolved: High Error Rate"


def test_html_from_telemetry_is_text_and_subjects_stay_one_line(mailbox: Mailbox) -> None:
    hostile = "<script>alert(1)</script> ünï €"
    send({}, make_message(recipient=ANA, rule=hostile, labels=(("<b>", hostile),)))
    _, _, mail = mailbox.mails[0]
    assert mail["Subject"] == f"[Shop] Firing: {hostile}"
    html = mail.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()
    assert "&lt;script&gt;" in html.get_content()
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert hostile in plain.get_content()


@pytest.mark.parametrize(
    ("reply", "permanent"), [("550 no such user", True), ("553 not allowed", True), ("450 greylisted", False)]
)
def test_a_refused_recipient_is_final_with_5xx_and_tried_again_with_4xx(
    mailbox: Mailbox, reply: str, permanent: bool
) -> None:
    mailbox.replies[ANA] = reply
    with pytest.raises(TransportError, match=reply) as error:
        send({}, make_message(recipient=ANA))
    assert (error.value.permanent, error.value.scope) == (permanent, "recipient")


@pytest.mark.parametrize(("reply", "permanent"), [("554 looks like spam", True), ("451 disk full", False)])
def test_a_refused_mail_is_final_with_5xx_and_tried_again_with_4xx(
    mailbox: Mailbox, reply: str, permanent: bool
) -> None:
    mailbox.data_reply = reply
    with pytest.raises(TransportError, match=reply) as error:
        send({}, make_message(recipient=ANA))
    assert (error.value.permanent, error.value.scope) == (permanent, "recipient")


def test_without_mail_server_the_error_says_what_to_set(settings: Settings) -> None:
    settings.EMAIL_URL = None
    with pytest.raises(TransportError, match="EMAIL_URL") as error:
        kind("email").send({}, make_message(recipient=ANA))
    assert (error.value.permanent, error.value.scope) == (True, "platform")


@pytest.mark.parametrize(
    ("greeting", "reason"),
    [
        (b"554 go away\r\n", "554 go away"),
        (b"421 too busy\r\n", "421 too busy"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "mail server"),
        (b"", "can't be reached"),
    ],
)
def test_a_server_that_does_not_want_us_is_tried_again(
    settings: Settings, greeting: bytes, reason: str
) -> None:
    with tcp_server(lambda connection, over: connection.sendall(greeting)) as port:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{port}"
        with pytest.raises(TransportError, match=reason) as error:
            send({}, make_message(recipient=ANA))
    assert (error.value.permanent, error.value.scope) == (False, "platform")


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+tls"])
def test_a_server_that_drips_ends_with_the_time_limit(settings: Settings, scheme: str) -> None:
    with tcp_server(dripping(b"220-")) as port:
        settings.EMAIL_URL = f"{scheme}://127.0.0.1:{port}"
        began = time.monotonic()
        with pytest.raises(TransportError) as error:
            send({}, make_message(recipient=ANA), timeout_seconds=0.5)
    assert time.monotonic() - began < 3
    assert not error.value.permanent


def test_starttls_is_demanded_where_the_url_says_so(mailbox: Mailbox, settings: Settings) -> None:
    settings.EMAIL_URL = mailbox.url.replace("smtp://", "smtp+tls://")
    with pytest.raises(TransportError, match="EMAIL_URL"):
        send({}, make_message(recipient=ANA))
    assert mailbox.mails == []


def test_a_bad_farewell_after_the_mail_was_taken_is_no_error(settings: Settings) -> None:
    replies = [
        b"220 hi\r\n",
        b"250 hi\r\n",
        b"250 ok\r\n",
        b"250 ok\r\n",
        b"354 go\r\n",
        b"250 taken\r\n",
        b"500 no\r\n",
    ]

    def talk(connection: socket.socket, over: object) -> None:
        connection.sendall(replies[0])
        lines = connection.makefile("rb")
        for reply in replies[1:]:
            line = lines.readline()
            connection.sendall(reply)
            if reply.startswith(b"354"):
                while line.strip() != b".":
                    line = lines.readline()
                connection.sendall(b"250 taken\r\n")
                return

    with tcp_server(talk) as port:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{port}"
        send({}, make_message(recipient=ANA))


@pytest.mark.parametrize(("scheme", "starttls"), [("smtps", False), ("smtp+tls", True)])
def test_mail_goes_encrypted_where_the_url_says_so_to_a_server_we_can_verify_only(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, starttls: bool
) -> None:
    authorities, tls = make_identity(tmp_path)
    with smtp_server(tls, starttls=starttls) as mailbox:
        settings.EMAIL_URL = f"{scheme}://localhost:{mailbox.port}"
        with pytest.raises(TransportError, match="certificate") as error:
            send({}, make_message(recipient=ANA))
        assert not error.value.permanent
        monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
        send({}, make_message(recipient=ANA))
    assert mailbox.recipients == [ANA]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail", Server("smtp", "mail", 25, "", "")),
        ("smtp://mail:2525", Server("smtp", "mail", 2525, "", "")),
        ("smtps://ana:p%40ss@mail", Server("smtps", "mail", 465, "ana", "p@ss")),
        ("smtp+tls://ana:pass@mail:26", Server("smtp+tls", "mail", 26, "ana", "pass")),
        ("smtp+tls://mail", Server("smtp+tls", "mail", 587, "", "")),
    ],
)
def test_the_mail_servers_url_is_read(url: str, expected: Server) -> None:
    assert Server.parse(url) == expected

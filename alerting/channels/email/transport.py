"""One SMTP conversation with the server in EMAIL_URL, and what its replies mean."""

from __future__ import annotations

import ipaddress
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Self
from urllib.parse import unquote, urlsplit

from django.conf import settings

from alerting.channels.base import Config, Reference
from alerting.channels.email.mail import build_mail
from alerting.channels.errors import TransportError
from alerting.deadlines import Deadline
from alerting.messages import Message, clean

TIMEOUT_SECONDS = 20.0
_DEFAULT_PORTS = {"smtp": 25, "smtps": 465, "smtp+tls": 587}


@dataclass(frozen=True, slots=True)
class Server:
    """EMAIL_URL in parts: `smtp` is plain, `smtps` TLS from the first byte, `smtp+tls` STARTTLS."""

    scheme: str
    host: str
    port: int
    user: str
    password: str

    @classmethod
    def parse(cls, url: str) -> Self:
        parts = urlsplit(url)
        return cls(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=parts.port or _DEFAULT_PORTS[parts.scheme],
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )


class _Connection(smtplib.SMTP):
    """Under a deadline from the first byte; smtplib asks `_get_socket` for its connection."""

    def __init__(self, server: Server, deadline: Deadline, own_name: str) -> None:
        self._server = server
        self._deadline = deadline
        super().__init__(server.host, server.port, own_name, timeout=deadline.remaining_seconds())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connected = socket.create_connection((host, port), timeout)
        self._deadline.watch(connected)
        if self._server.scheme == "smtps":
            return ssl.create_default_context().wrap_socket(connected, server_hostname=host)
        return connected


def send(
    config: Config,
    message: Message,
    reference: Reference | None = None,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> None:
    """Deliver to `message.recipient` within the time limit. Raises TransportError."""
    if not settings.EMAIL_URL:
        raise TransportError(
            "No mail server is set: set EMAIL_URL to smtp://host:port and restart.",
            permanent=True,
            scope="platform",
        )
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    mail = build_mail(message, host=host, now=datetime.now(UTC))
    server = Server.parse(settings.EMAIL_URL)
    with Deadline(timeout_seconds) as deadline:
        try:
            _hand_in(mail, _Connection(server, deadline, _own_name(host)), server)
        except (smtplib.SMTPException, OSError) as error:
            raise problem(error, is_late=deadline.is_over()) from None


def problem(error: Exception, *, is_late: bool) -> TransportError:
    """What went wrong, and whether trying again can help.

    5xx about the recipient or the mail is final. 5xx about ourselves (greeting, login, sender) is not: the
    operator can mend that while the mail waits.
    """
    if is_late or isinstance(error, TimeoutError):
        return TransportError("The mail server gave no answer in time", permanent=False, scope="platform")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
        return _refusal(code, said)
    if isinstance(error, smtplib.SMTPDataError):
        return _refusal(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPResponseException):
        reply = f"{error.smtp_code} {_text(error.smtp_error)}"
        return TransportError(f"The mail server refused us: {reply}", permanent=False, scope="platform")
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = "The mail server's certificate can't be verified"
    elif isinstance(error, smtplib.SMTPNotSupportedError):
        reason = "The mail server does not offer what EMAIL_URL asks for"
    else:
        reason = "The mail server can't be reached"
    return TransportError(reason, permanent=False, scope="platform")


def _hand_in(mail: EmailMessage, smtp: _Connection, server: Server) -> None:
    try:
        if server.scheme == "smtp+tls":
            smtp.starttls(context=ssl.create_default_context())
        if server.user:
            smtp.login(server.user, server.password)
        smtp.sendmail(parseaddr(mail["From"])[1], [mail["To"]], mail.as_bytes())
        # The mail is taken; a bad farewell must not make it look lost.
        with suppress(smtplib.SMTPException, OSError):
            smtp.quit()
    finally:
        smtp.close()


def _refusal(code: int, said: bytes | str) -> TransportError:
    return TransportError(
        f"The mail server answered {code} {_text(said)}", permanent=code >= 500, scope="recipient"
    )


def _text(said: bytes | str) -> str:
    return clean(said.decode(errors="replace") if isinstance(said, bytes) else said)


def _own_name(host: str) -> str:
    """How we greet: a name, or an address in brackets."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"

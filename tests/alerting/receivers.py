"""Real servers on loopback that answer as a test wishes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Script = Callable[[socket.socket, threading.Event], object]


@contextmanager
def tcp_server(script: Script) -> Iterator[int]:
    """A port where each connection is handled by `script`; its event is set when the test is over."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            script(connection, over)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in [acceptor, *threads]:
            thread.join(5)


def dripping(beginning: bytes) -> Script:
    """Say `beginning`, then one byte every 50 ms: each read succeeds, and the answer never ends."""

    def drip(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(beginning)
        while not over.wait(0.05):
            connection.sendall(b"x")

    return drip


@dataclass
class Mailbox:
    """What an SMTP server was given; `replies` are its answers to RCPT by address, `data_reply` to the mail."""

    port: int = 0
    mails: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    data_reply: str = "250 OK"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def recipients(self) -> list[str]:
        return [address for _, addresses, _ in self.mails for address in addresses]

    async def handle_RCPT(  # noqa: N802 (aiosmtpd finds handlers by these names)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self.replies.get(address, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data_reply.startswith("250"):
            mail = BytesParser(EmailMessage, policy=default).parsebytes(envelope.original_content or b"")
            self.mails.append((envelope.mail_from or "", envelope.rcpt_tos, mail))
        return self.data_reply


class _BoundController(Controller):
    """On a socket that is bound already: aiosmtpd can't choose a free port itself."""

    def __init__(
        self, mailbox: Mailbox, bound: socket.socket, tls: ssl.SSLContext | None, starttls: bool
    ) -> None:
        self._bound = bound
        host, port = bound.getsockname()
        super().__init__(
            mailbox,
            hostname=host,
            port=port,
            ssl_context=None if starttls else tls,
            tls_context=tls if starttls else None,
            require_starttls=starttls,
        )

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._bound, ssl=self.ssl_context)


@contextmanager
def smtp_server(tls: ssl.SSLContext | None = None, *, starttls: bool = False) -> Iterator[Mailbox]:
    """With `tls` encrypted from the first byte, or only after STARTTLS."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        mailbox = Mailbox(port=bound.getsockname()[1])
        controller = _BoundController(mailbox, bound, tls, starttls)
        controller.start()
        try:
            yield mailbox
        finally:
            controller.stop()


def make_identity(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for localhost that vouches for itself (as a CA file), and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "identity.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return path, context

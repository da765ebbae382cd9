"""A message as a mail: text and HTML side by side."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from django.conf import settings
from django.template.loader import render_to_string

from alerting.messages import Message

# Seven bits pass every server; line ends are SMTP's.
_POLICY = SMTP.clone(cte_type="7bit")


def build_mail(message: Message, *, host: str, now: datetime) -> EmailMessage:
    """The whole mail; `host` is this platform's name in message ids.

    Attempts at the same notification share their Message-ID, so that mail programs can drop a second copy; all
    mails about one alert refer to the same made-up id, which makes them one conversation.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["Subject"] = f"[{message.project}] {message.headline}"
    mail["From"] = settings.DEFAULT_FROM_EMAIL
    mail["To"] = message.recipient
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{message.key}@{host}>"
    mail["References"] = f"<{message.thread_key}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    context = {"message": message}
    mail.set_content(render_to_string("alerting/mail/message.txt", context))
    mail.add_alternative(render_to_string("alerting/mail/message.html", context), subtype="html")
    return mail

"""The channels and receivers of the delivery's tests."""

from __future__ import annotations

from tests.alerting.delivery.conftest import email, mailbox, outside, project, slack

__all__ = ["email", "mailbox", "outside", "project", "slack"]

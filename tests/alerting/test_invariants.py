"""Random samples, ticks, crashes and human actions, over a real database and a real receiver: what must hold always."""

from __future__ import annotations

import uuid
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck
from hypothesis import settings as search
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from alerting import actions
from alerting.delivery import deliver_due
from alerting.evaluation import evaluate_due
from alerting.models import (
    OPEN_STATUSES,
    Alert,
    Attempt,
    Notification,
    NotificationStatus,
    Purpose,
    Rule,
    Status,
    Transition,
    TransitionKind,
)
from alerting.policy import silences
from tests.alerting.delivery_rows import make_channel
from tests.alerting.scenes import make_rule, send_points
from tests.clients import client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db(transaction=True)

HOSTS = ("web-1", "web-2")
MINUTE = timedelta(minutes=1)
FINAL = (NotificationStatus.SENT, NotificationStatus.MUTED, NotificationStatus.GAVE_UP)


class Crash(Exception):
    """The process is gone before its commit."""


class Receiver:
    """Slack's side: counts what arrives; while `is_failing` it takes nothing."""

    def __init__(self, server: HTTPServer) -> None:
        self.path = f"/hook/{uuid.uuid4()}"
        self.taken_count = 0
        self.is_failing = False
        server.expect_request(self.path).respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        if self.is_failing:
            return Response("try later", 503)
        self.taken_count += 1
        return Response("ok")


class Alerting(RuleBasedStateMachine):
    """`server` is set by the test that runs it."""

    server: ClassVar[HTTPServer]

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
        self.project = make_project("shop")
        self.api = client_of(self.project)
        self.receiver = Receiver(self.server)
        channel = make_channel(
            self.project, "slack", {"webhook_url": self.server.url_for(self.receiver.path)}
        )
        for number, for_seconds in enumerate((0, 120)):
            made = make_rule(
                self.api,
                name=f"rule {number}",
                time_window_minutes=1,
                for_seconds=for_seconds,
                critical_threshold=95,
                notification_channels=[channel.name],
            )
            # The others' rules are not this machine's.
            Rule.objects.filter(pk=made.pk).update(next_evaluation_at=self.now)

    def teardown(self) -> None:
        Rule.objects.filter(project=self.project).update(enabled=False)

    @rule(host=st.sampled_from(HOSTS), value=st.sampled_from([10, 90, 97]))
    def a_sample_arrives(self, host: str, value: float) -> None:
        self.now += timedelta(seconds=7)
        send_points(self.api, [value], self.now, host_name=host)

    @rule()
    def a_tick(self) -> None:
        self.now += MINUTE
        evaluate_due(self.now)

    @rule()
    def the_same_tick_again(self) -> None:
        Rule.objects.filter(project=self.project).update(next_evaluation_at=self.now)
        evaluate_due(self.now)

    @rule()
    def a_tick_that_dies_before_its_commit(self) -> None:
        self.now += MINUTE
        try:
            with transaction.atomic():
                evaluate_due(self.now)
                raise Crash
        except Crash:
            pass

    @rule(minutes=st.integers(5, 90))
    def an_outage(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule()
    def a_delivery(self) -> None:
        self.receiver.is_failing = False
        deliver_due(self.now)

    @rule()
    def a_delivery_that_fails(self) -> None:
        self.receiver.is_failing = True
        deliver_due(self.now)

    @rule(data=st.data(), action=st.sampled_from([actions.acknowledge, actions.resolve]))
    def somebody_acts(self, data: st.DataObject, action: Any) -> None:
        found = list(self._alerts().filter(status__in=OPEN_STATUSES).order_by("pending_since", "pk"))
        if found:
            alert = found[data.draw(st.integers(0, len(found) - 1))]
            with suppress(actions.AlreadyHandled):
                action(alert.pk, actor="ana", now=self.now)

    @rule(host=st.sampled_from(HOSTS), minutes=st.integers(1, 30))
    def somebody_silences(self, host: str, minutes: int) -> None:
        silences.create(
            project_id=self.project.pk,
            matchers=[f'host_name="{host}"'],
            starts_at=self.now,
            ends_at=self.now + minutes * MINUTE,
            author="ana",
            comment="maintenance",
            now=self.now,
        )

    @invariant()
    def one_open_alert_per_rule_and_label_set(self) -> None:
        opened = self._alerts().filter(status__in=OPEN_STATUSES)
        keys = Counter(opened.values_list("rule_id", "fingerprint"))
        assert all(count == 1 for count in keys.values())

    @invariant()
    def each_status_is_what_the_timeline_says(self) -> None:
        for alert in self._alerts().prefetch_related("transitions"):
            lines = [one for one in alert.transitions.all() if one.kind == TransitionKind.STATUS]
            assert lines[0].from_status == ""
            assert [one.from_status for one in lines[1:]] == [one.to_status for one in lines[:-1]]
            assert lines[-1].to_status == alert.status

    @invariant()
    def nobody_hears_of_what_never_fired(self) -> None:
        assert not self._rows().filter(alert__triggered_at__isnull=True).exists()

    @invariant()
    def each_firing_is_told_muted_with_a_reason_or_waits(self) -> None:
        fired = Transition.objects.filter(
            alert__in=self._alerts(), kind=TransitionKind.STATUS, to_status=Status.FIRING
        )
        for one in fired.prefetch_related("notifications"):
            (row,) = [row for row in one.notifications.all() if row.purpose == Purpose.FIRING]
            assert row.status not in {NotificationStatus.MUTED, NotificationStatus.GAVE_UP} or (
                row.reason or row.error
            )

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        sent = Attempt.objects.filter(
            notification__in=self._rows(), status=NotificationStatus.SENT
        ).values_list("notification_id", flat=True)
        assert all(count == 1 for count in Counter(sent).values())
        rows = self._rows().filter(status=NotificationStatus.SENT)
        messages = {row.message_key or str(row.pk) for row in rows}
        assert len(messages) == self.receiver.taken_count

    def _alerts(self) -> Any:
        return Alert.objects.filter(project=self.project)

    def _rows(self) -> Any:
        return Notification.objects.filter(project=self.project)


def test_whatever_happens_the_promises_hold(settings: Settings, httpserver: HTTPServer) -> None:
    settings.TELEMETRY_OUTBOUND_ALLOW = ("127.0.0.1",)
    Alerting.server = httpserver
    run_state_machine_as_test(Alerting, settings=SEARCH)


SEARCH = search(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

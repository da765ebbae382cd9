"""What messages say of a threshold."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerting.messages import threshold_text
from projects.models import Project
from tests.alerting.delivery_rows import NOW, make_alert

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("minutes_after_firing", "text"), [(None, ">= 5"), (-10, ">= 5"), (10, "limit 5")])
def test_an_operator_is_named_only_while_it_is_the_one_that_fired(
    project: Project, minutes_after_firing: int | None, text: str
) -> None:
    alert = make_alert(project)
    assert alert.triggered_at == NOW - timedelta(minutes=1)
    if minutes_after_firing is not None:
        alert.rule.condition_changed_at = alert.triggered_at + timedelta(minutes=minutes_after_firing)
    assert threshold_text(alert, "") == text

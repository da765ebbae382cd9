"""Whether a service is well."""

from __future__ import annotations

import pytest

from traces.service_state import Half, ServiceState, state_of


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (Half(100, 0, 5), Half(100, 0, 9), ServiceState.OK),
        (Half(100, 0, 5), Half(100, 4, 9), ServiceState.OK),
        (Half(100, 0, 5), Half(100, 5, 900), ServiceState.FAILING),
        (Half(100, 0, 5), Half(100, 0, 10), ServiceState.SLOW),
        (Half(19, 0, 5), Half(100, 0, 900), ServiceState.OK),
        (Half(100, 0, 0), Half(100, 0, 900), ServiceState.OK),
        (Half(), Half(1, 0, 900), ServiceState.OK),
        (Half(100, 0, 5), Half(), ServiceState.SILENT),
    ],
)
def test_errors_go_before_slowness_and_few_spans_are_not_called_slow(
    before: Half, now: Half, expected: ServiceState
) -> None:
    assert state_of(before, now) is expected


def test_what_is_in_most_trouble_comes_first() -> None:
    ranked = sorted(ServiceState, key=lambda state: state.rank)
    assert [state.word for state in ranked] == ["failing", "slow", "silent", "ok", "unknown"]

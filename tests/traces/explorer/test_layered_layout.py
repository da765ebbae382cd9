"""Places for the boxes of the service map."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from traces.explorer.layered_layout import BOX_HEIGHT, BOX_WIDTH, layout, without_rings
from traces.explorer.service_map import spread

names = st.sampled_from("abcdefghij")
arrows = st.lists(st.tuples(names, names), max_size=30, unique=True)


def test_callers_are_left_of_what_they_call() -> None:
    places = layout(["db", "web", "api", "alone"], [("web", "api"), ("api", "db"), ("web", "db")]).places
    assert places["web"].x < places["api"].x < places["db"].x
    assert places["alone"].x == places["web"].x


def test_a_ring_is_opened_where_the_walk_came_from() -> None:
    assert without_rings(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "b")]) == [("a", "b"), ("b", "c")]


@given(arrows)
def test_boxes_never_overlap_and_lie_inside_the_picture(given_arrows: list[tuple[str, str]]) -> None:
    placed = layout(list("abcdefghij"), given_arrows)
    boxes = list(placed.places.values())
    for number, one in enumerate(boxes):
        assert 0 <= one.x <= placed.width - BOX_WIDTH
        assert 0 <= one.y <= placed.height - BOX_HEIGHT
        for other in boxes[number + 1 :]:
            assert one.x != other.x or abs(one.y - other.y) >= BOX_HEIGHT


@given(arrows)
def test_all_arrows_that_close_no_ring_go_right_and_the_picture_is_always_the_same(
    given_arrows: list[tuple[str, str]],
) -> None:
    all_names = list("abcdefghij")
    plain = [arrow for arrow in given_arrows if arrow[0] != arrow[1]]
    placed = layout(all_names, given_arrows)
    for caller, callee in without_rings(all_names, plain):
        assert placed.places[caller].x < placed.places[callee].x
    assert layout(all_names[::-1], given_arrows[::-1]) == placed


def test_no_services_are_an_empty_picture() -> None:
    assert (layout([], []).width, layout([], []).height) == (0, 0)


@given(st.lists(st.floats(0, 100), max_size=12))
def test_labels_are_moved_apart_and_only_down(heights: list[float]) -> None:
    moved = spread(heights, 16)
    assert all(after >= before for before, after in zip(heights, moved, strict=True))
    ordered = sorted(moved)
    assert all(below - above >= 15.999 for above, below in itertools.pairwise(ordered))

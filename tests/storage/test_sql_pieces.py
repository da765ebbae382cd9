from __future__ import annotations

from storage.sql_pieces import Sql, joined


def test_pieces_can_be_put_into_statements_that_name_their_parameters() -> None:
    piece = joined([Sql("a = %s", (1,)), Sql("b IS NULL"), Sql("c ->> %s = ANY(%s)", ("key", [2]))], " AND ")
    assert piece.named("p") == (
        "a = %(p0)s AND b IS NULL AND c ->> %(p1)s = ANY(%(p2)s)",
        {"p0": 1, "p1": "key", "p2": [2]},
    )
    assert Sql("true").named("p") == ("true", {})

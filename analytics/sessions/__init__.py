"""Sessions: what somebody did in one go.

Events with a `session_id` are a session of their unit together, however long they lie apart. The others follow each
other by time (equal times by id), and a gap of *more* than the project's setting, 30 minutes unless somebody changed
it, begins a new session. Only events in `[start, end)` count, so a session that runs over the edge of the range is cut
there. The unit is a person (`user_id` with the anonymous ids merged into it, else the session's own id where nobody is
named) or any column's value.

`roads` counts and pages them by one of two roads: `packed_road` puts pieces together (`pieces`, `arrays`, `listing`),
`raw_road` raw events (`every` says it in SQL). `ended` tells metrics of sessions that are over.
"""

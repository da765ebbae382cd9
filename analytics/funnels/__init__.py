"""Funnels: how many get how far through steps, how long they take, and where they are lost.

What a funnel means, exactly:

* Events of one unit (a person, a session, a tenant, any column's value) are ordered by time, equal times by id. Only
  events in `[start, end)` count, for the first step and for all others.
* A *chain* is one event for each of the first n steps, each a later one in that order than the event before it, and so
  never the same event twice. `ordered`: other events may lie between. `strict`: no other event of the unit lies
  between. `any`: the steps may be reached in any order, and the n-th step of the answer is any n of them.
* A chain keeps the limits: from its first to its last event at most the conversion window, from each step to the next
  at most that step's `within_minutes`, both ends included; and no excluded event lies strictly between two events of
  it that follow each other (in any order: between its start and its end).
* A unit has reached as many steps as its longest chain has. Of the chains of that length the earliest one counts, their
  first events compared first, then their second ones: its times are the unit's times. So one unit has one way through
  the funnel, in every number.

Without limits this is what everybody computes: the first event of step one, the next one of step two, and so on. That
greedy way is wrong as soon as there is a limit: who comes by, leaves, and converts at a second visit a month later
would be lost, because their first visit never led anywhere in time. Hence two passes (`ordered`): forwards the latest
possible start for each event, which decides what can be reached; backwards the earliest possible end, which finds
the chain. Of several ways to an event the one through the latest event before it is best for the window, for the
step's limit and for exclusions at once, so one look back an event is enough, and both passes are sorted look-ups.
"""

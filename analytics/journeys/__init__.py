"""Journeys: how far people come on a way with milestones, and how long each stage of it takes them.

* A **person** is a user id, or an anonymous id where an event names no user, with everything that identity links merge.
* A milestone is **reached** when its matcher first matches an event of the person. Only the first time counts, whatever
  the order in which events arrive: the earliest of two times is the same from both sides, so late events, repeats, two
  processes at once, merged identities and a rebuild all lead to the same times.
* Whoever reached the first milestone is **on the journey**; whoever reached the last one has **completed** it.
* The **minutes of a stage** run from the latest of the milestones before it that were reached by then, so that nothing
  that happens later changes them, and that the stages of somebody who keeps to the order add up to the whole.
  What was reached before the start took 0 minutes.

`changes` says what has to be looked at again, `upkeep` does it, `reading` adds what isn't looked at yet: exact at any
moment. `measures` is the arithmetic for one person, `report` the same in SQL over everybody.
"""

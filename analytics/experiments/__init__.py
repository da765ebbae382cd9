"""Experiments: whether one variant of something does better than another.

* A person (`analytics.units.PERSON`, merged ids are one) takes part from the first event on that matches `exposure` and
  names a variant, in `[start, end)`. Equal times are ordered by id.
* Who was exposed to two variants, under any of their ids, is left out and counted: nothing they did tells one from the
  other.
* A metric looks at a person's events after that first exposure: those in `[start, end)`, or with a window those at most
  so long after it, also beyond the end.
* Kinds of metrics. `conversion`: the share of people with a matching event. `total`: the mean over all people of the
  sum of a number, 0 for who has none (without a number: of how many matching events they have). `average`: the mean
  over the people who have such a number of their own average.
* A person counts once in each: people were assigned to variants, so people are what is compared.

`comparing`, `sample_ratio` and `best` hold the statistics, each with its source.
"""

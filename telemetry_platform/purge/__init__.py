"""Retention: what is older than its project keeps goes, whole partitions where all projects agree.

`lives` says who keeps what for how long, `planning` turns that into steps, `running` does them and keeps a record.
Running it twice, or after an interruption, finds the rest and nothing else.
"""

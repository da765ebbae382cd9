"""Segment's HTTP tracking API: what web, mobile and server libraries of that kind send.

`wire` reads calls and batches and answers them, `calls` makes an event (and a link between ids) of one call.
"""

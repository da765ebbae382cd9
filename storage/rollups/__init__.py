"""Roll-ups: what is older than a watermark is added up once by minute, hour and day, and stays exact for ever.

Four rules keep a query that reads roll-ups and the raw tail exact at any moment:

1. The watermark lies before the oldest running ingest transaction (`watermarks.publish` waits for those).
2. Late data writes its hour into the invalidation log in its own transaction (`gate`).
3. An hour in that log is read from raw data until it is recomputed (`reading`).
4. A day is frozen for a project once raw rows of it were really removed (`removal`); late data for it is refused.

Rolling up is recomputing: the same call twice, or killed half-way, gives the same rows (`engine`).
"""

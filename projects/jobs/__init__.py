"""Long work with progress: exports, rebuilds, purges. People start it, workers do it, a page shows how far it is.

`registry` knows the kinds, `starting` checks and queues, `running` does a slice at a time, `results` keeps what came of
it, `progress` says how far it is, `exporting` is what all exports share, `views` are the pages.
"""

"""The page that people look through events with: search, counts over time, facets, a list, one event whole."""

"""Pages to look around in traces: search, one trace, the map of services, two traces side by side."""

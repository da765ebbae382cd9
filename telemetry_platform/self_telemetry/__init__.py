"""The platform watches itself: request times and errors, and the machine it runs on, as metric points."""

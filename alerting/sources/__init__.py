"""Where rules read: one module per source turns a window of stored telemetry into samples per label set."""

"""What a reader without spans can send to see one."""

from __future__ import annotations

from projects.admin_base import example_command

# The shell writes the time, so that the command can be run as it is copied.
_NOW = "'\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"'"
FIRST_SPAN = example_command(
    "traces",
    '{"spans": [{"trace_id": "4bf92f3577b34da6", "span_id": "00f067aa0ba902b7", "service_name": "api", '
    f'"operation_name": "GET /", "start_time": "{_NOW}", "duration_ms": 12}}]}}',
)

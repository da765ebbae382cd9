"""Runs the whole platform in the foreground: servers, web, worker and beat, restarted when they die, stopped in order.

`manage.py up` replaces itself with `python -m telemetry_platform.supervisor`, because a process that lives as long as
the platform shouldn't hold Django's memory.
"""

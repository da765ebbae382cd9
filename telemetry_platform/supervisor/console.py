"""What the operator sees."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass

from telemetry_platform.environment import Environment


class StartError(RuntimeError):
    """The platform can't start; the text is one line fit to show to the operator."""


@dataclass(frozen=True, slots=True)
class Made:
    """What `manage.py prepare` made; secrets only when they didn't come from the environment."""

    is_first: bool
    admin_password: str | None
    api_key: str | None


def say(text: str) -> None:
    """Print a line; a terminal that has gone doesn't end the platform."""
    with contextlib.suppress(OSError, ValueError):
        print(text, flush=True)


def fail(text: str) -> None:
    """Print the one line that says why there is no start."""
    with contextlib.suppress(OSError, ValueError):
        print(f"error: {text}", file=sys.stderr, flush=True)


def welcome(env: Environment, made: Made) -> str:
    """The lines printed when the platform answers."""
    lines = ["", f"Telemetry platform is ready: {env.public_url}", f"  Admin     {env.public_url}/admin/"]
    lines += first_access(env, made)
    if made.is_first:
        lines += ["", "Send a first event:", f"  {_curl(env.public_url, made.api_key)}"]
    return "\n".join([*lines, "", "Ctrl-C stops everything."])


def first_access(env: Environment, made: Made) -> list[str]:
    """How to get in; secrets only when this start made them, since they can't be read again."""
    if not made.is_first:
        return ["  User, password and API keys are those of an earlier start on these data."]
    password = made.admin_password or ("(from ADMIN_PASSWORD)" if env.admin_password else "(as before)")
    lines = [
        f"  User      {env.admin_username}",
        f"  Password  {password}",
        f"  API key   {made.api_key or '(from TELEMETRY_API_KEY)'}",
    ]
    if made.admin_password or made.api_key:
        lines.append("  Write them down: they are shown this once.")
    return lines


def _curl(url: str, api_key: str | None) -> str:
    # Double quotes, so that the shell fills in a key which the operator has in the environment.
    header = f"Authorization: Bearer {api_key or '$TELEMETRY_API_KEY'}"
    body = '{"event_name": "hello", "event_type": "first_steps"}'
    return f"""curl {url}/api/v1/events -H "{header}" -H "Content-Type: application/json" -d '{body}'"""

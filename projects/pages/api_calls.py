"""The call of the API that answers what a page shows, to be copied; the key comes from the reader's shell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from django.conf import settings


def get_call(path: str, parameters: Mapping[str, object]) -> str:
    """A curl line; `path` begins below `/api/v1/`, parameters that are None or empty are left out."""
    given = {name: str(value) for name, value in parameters.items() if value not in (None, "")}
    query = f"?{urlencode(given)}" if given else ""
    # Both ways of quoting leave no quote of the shell in a value that came with telemetry.
    return f"curl '{settings.PUBLIC_URL}/api/v1/{quote(path)}{query}' \\\n  -H \"Authorization: Bearer $KEY\""


def post_call(path: str, body: Mapping[str, object]) -> str:
    """A curl line that posts JSON; `path` begins below `/api/v1/`."""
    # As an escape of JSON a quote can't end the shell's.
    text = json.dumps(body, ensure_ascii=False).replace("'", "\\u0027")
    return (
        f"curl '{settings.PUBLIC_URL}/api/v1/{quote(path)}' -H \"Authorization: Bearer $KEY\" \\\n"
        f"  -H \"Content-Type: application/json\" -d '{text}'"
    )

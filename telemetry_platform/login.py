"""Logging in to the admin: at most ten wrong passwords a user name or address in five minutes.

Counted per process: with more web workers somebody guesses that much faster, still far too slowly to matter.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.forms import AuthenticationForm

MAX_FAILURES = 10
WINDOW_SECONDS = 300
TOO_MANY = "Too many wrong passwords. Wait five minutes, then try again."


def _keys(request: HttpRequest | None, username: str) -> list[str]:
    """Hashed, because a user name may hold what a cache key may not."""
    address = request.META.get("REMOTE_ADDR", "") if request else ""
    names = (f"name:{username.lower()}", f"address:{address}")
    return [f"login:{hashlib.sha256(name.encode()).hexdigest()}" for name in names]


class LoginForm(AuthenticationForm):
    """The admin's login form, throttled."""

    def clean(self) -> dict[str, Any]:
        keys = _keys(self.request, str(self.cleaned_data.get("username", "")))
        if any(count >= MAX_FAILURES for count in cache.get_many(keys).values()):
            raise ValidationError(TOO_MANY, code="throttled")
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            for key in keys:
                if not cache.add(key, 1, WINDOW_SECONDS):
                    cache.incr(key)
            raise
        cache.delete(keys[0])
        return cleaned

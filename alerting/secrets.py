"""Channel configuration at rest: encrypted with a key derived from SECRET_KEY.

A database dump alone gives no webhook away. Whoever has SECRET_KEY reads everything; losing it loses the secrets.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE = b"telemetry platform: notification channel configuration"


class UnreadableConfigError(Exception):
    """The text was encrypted under a SECRET_KEY that is neither the current one nor among the fallbacks."""


def encrypt_config(config: Mapping[str, Any]) -> str:
    return _fernet(settings.SECRET_KEY).encrypt(json.dumps(config).encode()).decode()


def decrypt_config(text: str) -> dict[str, Any]:
    """The configuration, secrets included. Raises UnreadableConfigError."""
    try:
        config: dict[str, Any] = json.loads(_all_keys().decrypt(text.encode()))
    except InvalidToken:
        raise UnreadableConfigError(
            "The stored secrets can't be read: SECRET_KEY has changed. Enter them again, or add the former key "
            "to SECRET_KEY_FALLBACKS."
        ) from None
    return config


def renewed(text: str) -> str | None:
    """The same configuration under the current key, or None where it already is (or can't be read)."""
    try:
        _fernet(settings.SECRET_KEY).decrypt(text.encode())
    except InvalidToken:
        try:
            return _all_keys().rotate(text.encode()).decode()
        except InvalidToken:
            return None
    return None


def _all_keys() -> MultiFernet:
    return MultiFernet([_fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


@lru_cache(maxsize=16)
def _fernet(secret_key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))

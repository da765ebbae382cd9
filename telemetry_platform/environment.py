"""What the process is told from outside, read once, typed, and loud about wrong values."""

from __future__ import annotations

import ipaddress
import math
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?", re.IGNORECASE
)
_SLUG = re.compile(r"[a-zA-Z0-9_-]{1,100}")
_USERNAME = re.compile(r"[\w.@+-]{1,150}")
_TOKEN = re.compile(r"[!-~]+")
_API_KEY = re.compile(r"[!-~][ -~]{30,198}[!-~]")
_WILDCARD_HOSTS = {"0.0.0.0", "::", "[::]"}

# Every variable the platform reads, as the README documents them.
VARIABLES = frozenset(
    {
        "ADMIN_PASSWORD",
        "ADMIN_USERNAME",
        "ALLOWED_HOSTS",
        "DATABASE_DIRECT_URL",
        "DATABASE_URL",
        "DEBUG",
        "DEFAULT_FROM_EMAIL",
        "EMAIL_URL",
        "HOST",
        "METRICS_TOKEN",
        "PORT",
        "PUBLIC_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "SEGMENT_ACCEPT_UNKNOWN_KEYS",
        "TELEMETRY_API_KEY",
        "TELEMETRY_HEARTBEAT_URL",
        "TELEMETRY_HOME",
        "TELEMETRY_OUTBOUND_ALLOW",
        "TELEMETRY_SELF_PROJECT",
        "TELEMETRY_TICK_SECONDS",
        "TRUSTED_PROXIES",
        "WEB_WORKERS",
    }
)


class EnvironmentValueError(ValueError):
    """A variable has a value that can't be used; the text is one line fit to show to the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The documented variables (README, "Configuration"), parsed."""

    home: Path
    database_url: str | None
    database_direct_url: str | None
    redis_url: str | None
    secret_key: str
    secret_key_fallbacks: tuple[str, ...]
    segment_accept_unknown_keys: bool
    public_url: str
    allowed_hosts: tuple[str, ...]
    email_url: str | None
    default_from_email: str
    admin_username: str
    admin_password: str | None
    api_key: str | None
    outbound_allow: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    web_workers: int
    tick_seconds: float | None
    metrics_token: str | None
    heartbeat_url: str | None
    self_project: str
    host: str
    port: int
    debug: bool


def load(environ: Mapping[str, str]) -> Environment:
    """Read all variables and make the data folder. Raises EnvironmentValueError naming the variable that is wrong."""
    home = _home(environ)
    host = _text(environ, "HOST", "127.0.0.1")
    port = _integer(environ, "PORT", 8000, 1, 65535)
    own_url = f"http://{'localhost' if host in _WILDCARD_HOSTS else _url_host(host)}:{port}"
    return Environment(
        home=home,
        database_url=_checked(environ, "DATABASE_URL", _check_database_url),
        database_direct_url=_checked(environ, "DATABASE_DIRECT_URL", _check_database_url),
        redis_url=_checked(environ, "REDIS_URL", _check_redis_url),
        secret_key=_secret_key(environ, home),
        secret_key_fallbacks=_words(environ, "SECRET_KEY_FALLBACKS"),
        segment_accept_unknown_keys=_switch(environ, "SEGMENT_ACCEPT_UNKNOWN_KEYS"),
        public_url=(_checked(environ, "PUBLIC_URL", _check_public_url) or own_url).rstrip("/"),
        allowed_hosts=_each(environ, "ALLOWED_HOSTS", _check_host_pattern),
        email_url=_checked(environ, "EMAIL_URL", _check_email_url),
        default_from_email=_checked(environ, "DEFAULT_FROM_EMAIL", _check_mail_address)
        or "telemetry@localhost",
        admin_username=_checked(environ, "ADMIN_USERNAME", _check_username) or "admin",
        admin_password=environ.get("ADMIN_PASSWORD") or None,
        api_key=_api_key(environ),
        outbound_allow=_each(environ, "TELEMETRY_OUTBOUND_ALLOW", _check_network_or_host),
        trusted_proxies=_each(environ, "TRUSTED_PROXIES", _check_network),
        web_workers=_integer(environ, "WEB_WORKERS", 1, 1, 64),
        tick_seconds=_tick_seconds(environ),
        metrics_token=_checked(environ, "METRICS_TOKEN", _check_token),
        heartbeat_url=_checked(environ, "TELEMETRY_HEARTBEAT_URL", _check_heartbeat_url),
        self_project=_checked(environ, "TELEMETRY_SELF_PROJECT", _check_slug) or "default",
        host=host,
        port=port,
        debug=_switch(environ, "DEBUG"),
    )


def _text(environ: Mapping[str, str], name: str, default: str) -> str:
    return environ.get(name, "").strip() or default


def _words(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in environ.get(name, "").split(",") if part.strip())


def _checked(environ: Mapping[str, str], name: str, check: Callable[[str], str | None]) -> str | None:
    """The value, or None when unset; `check` answers what the value must be when it isn't that.

    The value itself stays out of the message: URLs carry passwords.
    """
    value = environ.get(name, "").strip()
    if not value:
        return None
    if problem := check(value):
        raise EnvironmentValueError(f"{name} {problem}")
    return value


def _each(environ: Mapping[str, str], name: str, check: Callable[[str], str | None]) -> tuple[str, ...]:
    words = _words(environ, name)
    for word in words:
        if problem := check(word):
            raise EnvironmentValueError(f"{name}: {word!r} {problem}")
    return words


def _integer(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = _text(environ, name, str(default))
    try:
        number = int(text)
    except ValueError:
        raise EnvironmentValueError(f"{name} must be a whole number, not {text!r}") from None
    if not low <= number <= high:
        raise EnvironmentValueError(f"{name} must lie between {low} and {high}, not {number}")
    return number


def _switch(environ: Mapping[str, str], name: str) -> bool:
    text = _text(environ, name, "0").lower()
    if text not in {"0", "1", "true", "false"}:
        raise EnvironmentValueError(f"{name} must be 0 or 1, not {text!r}")
    return text in {"1", "true"}


def _tick_seconds(environ: Mapping[str, str]) -> float | None:
    text = _text(environ, "TELEMETRY_TICK_SECONDS", "")
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.1 <= seconds <= 3600:
        raise EnvironmentValueError(f"TELEMETRY_TICK_SECONDS must be a number from 0.1 to 3600, not {text!r}")
    return seconds


def _api_key(environ: Mapping[str, str]) -> str | None:
    key = environ.get("TELEMETRY_API_KEY") or None
    # HTTP takes spaces off both ends of a header, so such a key would never match.
    if key and not _API_KEY.fullmatch(key):
        raise EnvironmentValueError(
            "TELEMETRY_API_KEY must have 32 to 200 printable ASCII characters, no space at either end"
        )
    return key


def _home(environ: Mapping[str, str]) -> Path:
    home = Path(_text(environ, "TELEMETRY_HOME", "var")).absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentValueError(f"TELEMETRY_HOME {home} can't be made: {error.strerror}") from None
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise EnvironmentValueError(f"TELEMETRY_HOME {home} is not writable")
    return home


def _secret_key(environ: Mapping[str, str], home: Path) -> str:
    """SECRET_KEY, or the one kept in the data folder (made on first use, mode 0600)."""
    if given := environ.get("SECRET_KEY"):
        return given
    path = home / "secret_key"
    try:
        # Written aside and linked: two first starts at once agree on one key, and none reads half of it.
        if not path.exists():
            draft = home / f"secret_key.{os.getpid()}"
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(48))
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise EnvironmentValueError(
            f"TELEMETRY_HOME: {error.filename} can't be used: {error.strerror}"
        ) from None


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        _ = parts.port  # parsed, and refused, on access only
    except ValueError:
        return None
    return parts


def _check_host_pattern(value: str) -> str | None:
    name = value.removeprefix(".").strip("[]")
    if value == "*" or _HOST_NAME.fullmatch(name) or _check_network(name) is None:
        return None
    return "must be a host name without scheme, port or path (or .example.com for all below it, or *)"


def _check_mail_address(value: str) -> str | None:
    _, address = parseaddr(value)
    local, at, host = address.rpartition("@")
    return None if local and at and _HOST_NAME.fullmatch(host) else "must be a mail address"


def _check_database_url(value: str) -> str | None:
    parts = _split(value)
    if parts is None or parts.scheme not in {"postgres", "postgresql"}:
        return "must be a URL like postgresql://user:password@host:5432/database"
    if not parts.path.strip("/"):
        return "must name a database: postgresql://user:password@host:5432/database"
    return None


def _check_redis_url(value: str) -> str | None:
    parts = _split(value)
    is_socket = parts is not None and parts.scheme == "unix" and parts.path.startswith("/")
    is_server = parts is not None and parts.scheme in {"redis", "rediss"} and parts.hostname
    return (
        None if is_socket or is_server else "must be a URL like redis://host:6379/0 or unix:///path/to.sock"
    )


def _check_public_url(value: str) -> str | None:
    parts = _split(value)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        return "must be a URL like https://telemetry.example.com"
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        return "must be scheme, host and port only, like https://telemetry.example.com"
    return None


def _check_heartbeat_url(value: str) -> str | None:
    parts = _split(value)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        return "must be a URL like https://watcher.example.com/ping/..., without user name or password"
    return None


def _check_email_url(value: str) -> str | None:
    parts = _split(value)
    if parts is None or parts.scheme not in {"smtp", "smtps", "smtp+tls"} or not parts.hostname:
        return "must be a URL like smtp://host:25 (smtps:// for TLS, smtp+tls:// for STARTTLS)"
    return None


def _check_username(value: str) -> str | None:
    return None if _USERNAME.fullmatch(value) else "must have 1 to 150 letters, digits or @ . + - _"


def _check_token(value: str) -> str | None:
    return None if _TOKEN.fullmatch(value) else "must have printable ASCII characters only, without spaces"


def _check_slug(value: str) -> str | None:
    return None if _SLUG.fullmatch(value) else "must have 1 to 100 letters, digits, hyphens or underscores"


def _check_network(word: str) -> str | None:
    try:
        ipaddress.ip_network(word, strict=False)
    except ValueError:
        return "is no IP address or network (like 10.0.0.0/8)"
    return None


def _check_network_or_host(word: str) -> str | None:
    looks_numeric = bool(re.fullmatch(r"[0-9./]+", word)) or ":" in word or "/" in word
    if _check_network(word) is None or (not looks_numeric and _HOST_NAME.fullmatch(word)):
        return None
    return "is no IP address, network or host name"


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host

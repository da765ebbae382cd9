from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from telemetry_platform.environment import VARIABLES, Environment, EnvironmentValueError, load

WRONG = [
    ("ALLOWED_HOSTS", "http://x"),
    ("ALLOWED_HOSTS", "x:8000"),
    ("DEFAULT_FROM_EMAIL", "nobody"),
    ("ADMIN_USERNAME", "a b"),
    ("DATABASE_URL", "mysql://host/db"),
    ("DATABASE_URL", "postgresql://host"),
    ("DATABASE_URL", "postgresql://host:port/db"),
    ("DATABASE_DIRECT_URL", "host/db"),
    ("DEBUG", "perhaps"),
    ("EMAIL_URL", "mail.example.com:25"),
    ("EMAIL_URL", "smtp://"),
    ("EMAIL_URL", "smtp://host:99999"),
    ("METRICS_TOKEN", "with space"),
    ("PORT", "http"),
    ("PORT", "0"),
    ("PUBLIC_URL", "telemetry.example.com"),
    ("PUBLIC_URL", "https://telemetry.example.com/path"),
    ("PUBLIC_URL", "https://host/?query=1"),
    ("REDIS_URL", "memcached://host"),
    ("REDIS_URL", "unix://relative"),
    ("SEGMENT_ACCEPT_UNKNOWN_KEYS", "yes"),
    ("TELEMETRY_API_KEY", "k" * 31),
    ("TELEMETRY_API_KEY", "k" * 201),
    ("TELEMETRY_API_KEY", "k" * 31 + "é"),
    ("TELEMETRY_API_KEY", "k" * 31 + "\n"),
    ("TELEMETRY_API_KEY", " " + "k" * 32),
    ("TELEMETRY_HEARTBEAT_URL", "watcher.example.com/ping"),
    ("TELEMETRY_HEARTBEAT_URL", "https://user@watcher.example.com/ping"),
    ("TELEMETRY_OUTBOUND_ALLOW", "10.0.0.0/33"),
    ("TELEMETRY_OUTBOUND_ALLOW", "127.0.0.1,http://host"),
    ("TELEMETRY_OUTBOUND_ALLOW", "1.2.3"),
    ("TELEMETRY_SELF_PROJECT", "no spaces"),
    ("TELEMETRY_TICK_SECONDS", "soon"),
    ("TELEMETRY_TICK_SECONDS", "0"),
    ("TELEMETRY_TICK_SECONDS", "-1"),
    ("TELEMETRY_TICK_SECONDS", "nan"),
    ("TELEMETRY_TICK_SECONDS", "inf"),
    ("TRUSTED_PROXIES", "proxy.example.com"),
    ("TRUSTED_PROXIES", "300.1.1.1"),
    ("WEB_WORKERS", "0"),
    ("WEB_WORKERS", "1.5"),
]

RIGHT = [
    ("ADMIN_USERNAME", "ada@example.com", "admin_username", "ada@example.com"),
    ("DATABASE_URL", "postgres://u:p@host:5432/db", "database_url", "postgres://u:p@host:5432/db"),
    ("DATABASE_URL", "postgresql:///db?host=/run", "database_url", "postgresql:///db?host=/run"),
    ("DATABASE_URL", "", "database_url", None),
    ("EMAIL_URL", "smtp://localhost:1025", "email_url", "smtp://localhost:1025"),
    ("PUBLIC_URL", "https://telemetry.example.com/", "public_url", "https://telemetry.example.com"),
    ("REDIS_URL", "rediss://host/1", "redis_url", "rediss://host/1"),
    ("REDIS_URL", "unix:///run/valkey.sock", "redis_url", "unix:///run/valkey.sock"),
    ("SEGMENT_ACCEPT_UNKNOWN_KEYS", "1", "segment_accept_unknown_keys", True),
    ("TELEMETRY_API_KEY", "k" * 32, "api_key", "k" * 32),
    ("TELEMETRY_API_KEY", "~! " * 66 + "~~", "api_key", "~! " * 66 + "~~"),
    ("TELEMETRY_OUTBOUND_ALLOW", "127.0.0.1, ::1,10.0.0.0/8,hooks.internal", "outbound_allow",
     ("127.0.0.1", "::1", "10.0.0.0/8", "hooks.internal")),
    ("TELEMETRY_HEARTBEAT_URL", "https://watcher.example.com/ping/1?a=b", "heartbeat_url",
     "https://watcher.example.com/ping/1?a=b"),
    ("TELEMETRY_TICK_SECONDS", "0.5", "tick_seconds", 0.5),
    ("TELEMETRY_TICK_SECONDS", "", "tick_seconds", None),
    ("TRUSTED_PROXIES", "10.0.0.1,fd00::/8", "trusted_proxies", ("10.0.0.1", "fd00::/8")),
    ("WEB_WORKERS", " 4 ", "web_workers", 4),
    ("ALLOWED_HOSTS", "a.example.com,.b.example,10.0.0.1,[::1],*", "allowed_hosts",
     ("a.example.com", ".b.example", "10.0.0.1", "[::1]", "*")),
    ("DEFAULT_FROM_EMAIL", "Telemetry <ops@example.com>", "default_from_email", "Telemetry <ops@example.com>"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused_in_one_line_that_names_it(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(EnvironmentValueError) as caught:
        load({"TELEMETRY_HOME": str(tmp_path), name: value})
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "value", "field", "expected"), RIGHT)
def test_a_right_value_is_read(tmp_path: Path, name: str, value: str, field: str, expected: object) -> None:
    assert getattr(load({"TELEMETRY_HOME": str(tmp_path), name: value}), field) == expected


def test_every_documented_variable_is_read_under_its_own_name(tmp_path: Path) -> None:
    class Noting(dict[str, str]):
        """Remembers which names were asked for."""

        asked: set[str] = set()

        def get(self, name: str, default: str = "") -> str:  # type: ignore[override]  # only used with text
            self.asked.add(name)
            return super().get(name, default)

    noting = Noting(TELEMETRY_HOME=str(tmp_path))
    load(noting)
    assert noting.asked == VARIABLES
    assert len(VARIABLES) == len(fields(Environment))


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "localhost"), ("::1", "[::1]")]
)
def test_the_public_url_follows_host_and_port(tmp_path: Path, host: str, expected: str) -> None:
    env = load({"TELEMETRY_HOME": str(tmp_path), "HOST": host, "PORT": "8123"})
    assert env.public_url == f"http://{expected}:8123"


def test_the_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = load({"TELEMETRY_HOME": str(tmp_path)}).secret_key
    assert load({"TELEMETRY_HOME": str(tmp_path)}).secret_key == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert load({"TELEMETRY_HOME": str(tmp_path), "SECRET_KEY": "given"}).secret_key == "given"

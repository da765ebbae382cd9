"""The unprivileged account the servers run under when the platform itself runs as root.

PostgreSQL refuses to run as root. The account is the platform's own: nobody else's processes can read its files.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from telemetry_platform.embedded.errors import EmbeddedServerError
from telemetry_platform.processes import Account

ACCOUNT_NAME = "telemetry_servers"


def server_account() -> Account | None:
    """The account for servers, made when it is missing; None when this process isn't root."""
    if os.geteuid() != 0:
        return None
    return _existing() or _created()


def _existing() -> Account | None:
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _created() -> Account:
    commands = (
        [
            "useradd",
            "--system",
            "--user-group",
            "--no-create-home",
            "--shell",
            "/usr/sbin/nologin",
            ACCOUNT_NAME,
        ],
        ["adduser", "-S", "-D", "-H", "-s", "/sbin/nologin", ACCOUNT_NAME],  # BusyBox
    )
    for command in commands:
        if shutil.which(command[0]):
            subprocess.run(command, check=False, capture_output=True)
        # Another start may have made it in the same moment: what counts is that it exists.
        if account := _existing():
            return account
    raise EmbeddedServerError(
        f"PostgreSQL can't run as root and the account {ACCOUNT_NAME!r} couldn't be made: "
        "create it, run as an ordinary user, or set DATABASE_URL"
    )


def can_execute(account: Account, program: Path) -> bool:
    """Whether `account` reaches and runs `program --version` (asks the kernel: modes, ACLs and mounts count)."""
    return _succeeds_as(account, [str(program), "--version"])


def can_enter(account: Account, folder: Path) -> bool:
    """Whether `account` may pass through `folder` and all folders above it."""
    return _succeeds_as(account, ["test", "-x", str(folder)])


def _succeeds_as(account: Account, command: list[str]) -> bool:
    try:
        result = subprocess.run(
            command,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return result.returncode == 0

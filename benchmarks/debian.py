"""Programs of Debian: the installed one, or its package unpacked into a folder, so that no service starts."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

_SECONDS = 120
_BIN_FOLDERS = ("usr/bin", "usr/sbin")


class ProgramMissingError(RuntimeError):
    """The program isn't here and can't be had; the text says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program and what it needs in its environment."""

    path: Path
    environ: dict[str, str] = field(default_factory=dict)


def find_program(name: str, folder: Path) -> Program:
    """The program in PATH, else Debian's package of the same name with what it depends on, unpacked into `folder`.

    Raises ProgramMissingError.
    """
    # Servers lie where an ordinary user's PATH doesn't look.
    if found := shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"):
        return Program(Path(found))
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise ProgramMissingError(f"{name} isn't installed and this isn't a Debian")
    place = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))
    place.chmod(0o755)
    unpacked = place / "unpacked"
    for package in _downloaded(name, place):
        subprocess.run(["dpkg-deb", "-x", package, unpacked], check=True)
    programs = [unpacked / bin_folder / name for bin_folder in _BIN_FOLDERS]
    path = next((program for program in programs if program.exists()), None)
    if path is None:
        raise ProgramMissingError(f"Debian's package {name} has no program of that name")
    libraries = ":".join(str(path) for path in (unpacked / "usr/lib").glob("*-linux-*"))
    return Program(path, {"LD_LIBRARY_PATH": libraries} if libraries else {})


def _downloaded(name: str, place: Path) -> list[Path]:
    """The packages that an installation would add; first from the lists as they are, then from fresh ones."""
    archives = place / "archives"
    (archives / "partial").mkdir(parents=True)
    download = [
        "apt-get", "install", "--download-only", "--no-install-recommends", "--yes", "--quiet=2",
        "--option", f"Dir::Cache::archives={archives}/", "--option", "Debug::NoLocking=true",
        "--option", "APT::Sandbox::User=root", name,
    ]  # fmt: skip
    for command in (download, ["apt-get", "update", "--quiet=2"], download):
        message = _run(command)
        if packages := sorted(archives.glob("*.deb")):
            return packages
    raise ProgramMissingError(f"Debian's package {name} can't be had: {message}")


def _run(command: list[str]) -> str:
    """The last line that the command writes to stderr."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer within {_SECONDS} s"
    return (done.stderr.strip().splitlines() or ["no message"])[-1]

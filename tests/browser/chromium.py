"""Finds a Chromium for the browser tests, or installs one; `python -m tests.browser.chromium` before the suite."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_HEADLESS_SHELL = "chromium-headless-shell"
"""Chromium without its windows: the tests need a fifth less CPU time, and Debian packs it on its own."""

_PROGRAMS = (_HEADLESS_SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC_PROGRAMS = (
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
)


class ChromiumMissingError(RuntimeError):
    """There is no Chromium; the text is one line that says what to do."""


@cache
def find_chromium() -> Path:
    """A Chromium that starts: CHROMIUM_PATH, the system's, or Playwright's own. Raises ChromiumMissingError."""
    if given := os.environ.get("CHROMIUM_PATH"):
        if not _starts(Path(given)):
            raise ChromiumMissingError(f"CHROMIUM_PATH={given} is no Chromium that starts")
        return Path(given)
    for candidate in _candidates():
        if _starts(candidate):
            return candidate
    raise ChromiumMissingError(
        "browser tests need Chromium: install one (apt-get install chromium) or set CHROMIUM_PATH"
    )


def install_chromium() -> None:
    """Try what may work here: the system's packages as root, else Playwright's download."""
    if _may_use_apt():
        for package in (_HEADLESS_SHELL, "chromium"):
            _install_package(package)
            if any(map(_starts, _candidates())):
                return
    _run([sys.executable, "-m", "playwright", "install", "chromium"], dict(os.environ))


def _may_use_apt() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install_package(package: str) -> None:
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Without a network nobody waits for minutes.
    apt = ["apt-get", "-qq", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10"]
    _run([*apt, "update"], environ)
    _run([*apt, "install", "-y", "--no-install-recommends", package], environ)


def _candidates() -> Iterator[Path]:
    for program in _PROGRAMS:
        if found := shutil.which(program):
            yield Path(found)
    yield from _MAC_PROGRAMS
    default_folder = "Library/Caches" if sys.platform == "darwin" else ".cache"
    downloads = Path(
        os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / default_folder / "ms-playwright"
    )
    yield from sorted(downloads.glob("chromium_headless_shell-*/chrome-*/*headless*shell"), reverse=True)
    yield from sorted(downloads.glob("chromium-*/chrome-*/chrome"), reverse=True)
    yield from sorted(downloads.glob("chromium-*/chrome-mac*/*.app/Contents/MacOS/*"), reverse=True)


def _starts(program: Path) -> bool:
    # Asked, not assumed: Ubuntu's chromium-browser may be a stub that only advertises a snap.
    try:
        return (
            subprocess.run([program, "--version"], capture_output=True, check=False, timeout=60).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def _run(command: list[str], environ: dict[str, str]) -> None:
    print("Running", " ".join(command), flush=True)
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=False)


def main() -> int:
    """Leave a Chromium behind, or say in one line what is missing."""
    try:
        find_chromium()
    except ChromiumMissingError:
        if os.environ.get("CHROMIUM_PATH"):
            raise
        install_chromium()
    print(f"Browser tests use {find_chromium()}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ChromiumMissingError as error:
        sys.exit(f"error: {error}")
